#!/bin/sh -e
# The web server of the words, as its start script makes it: nginx with a password, in front of $APP_NAME, which it looks up once.
resolvers=$(awk '/^nameserver/ {print $2}' /etc/resolv.conf | xargs echo)
printf 'user:{PLAIN}test\n' >/run/htpasswd
cat >/etc/nginx/conf.d/default.conf <<Y
server {
  listen 8080;
  resolver $resolvers;
  location / {
    auth_basic "Authentication required";
    auth_basic_user_file /run/htpasswd;
    proxy_pass http://$APP_NAME:8000;
  }
}
Y
exec nginx -g 'daemon off;'
