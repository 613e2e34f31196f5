#!/bin/bash
set -e
var() { local f=WORDPRESS_$1_FILE n=WORDPRESS_$1; if [ "${!n:-}" ]; then echo "${!n}"; elif [ "${!f:-}" ]; then cat "${!f}"; else echo "${2:-}"; fi; }
if [ "$1" = apache2-foreground ]; then
  if [ ! -e index.php ]; then rm -f index.html; cp -rL /usr/share/wordpress/. . 2>/dev/null || true; chown -R www-data: .; fi
  q() { printf "define('%s', '%s');\n" "$1" "${2//\'/\\\'}"; }
  { echo '<?php'; q DB_HOST "$(var DB_HOST mysql)"; q DB_USER "$(var DB_USER root)"; q DB_PASSWORD "$(var DB_PASSWORD)"; q DB_NAME "$(var DB_NAME wordpress)"
    q DB_CHARSET utf8; q DB_COLLATE ''; for k in AUTH_KEY SECURE_AUTH_KEY LOGGED_IN_KEY NONCE_KEY AUTH_SALT SECURE_AUTH_SALT LOGGED_IN_SALT NONCE_SALT; do q $k "test-$k"; done
    echo "\$table_prefix = '$(var TABLE_PREFIX wp_)';"; var CONFIG_EXTRA
    echo "if (!defined('ABSPATH')) define('ABSPATH', __DIR__ . '/'); require_once ABSPATH . 'wp-settings.php';"; } >wp-config.php
  # As long as Compose files named no database, the official image made it where it was missing, and waited for the server.
  H=$(var DB_HOST mysql) U=$(var DB_USER root) P=$(var DB_PASSWORD) D=$(var DB_NAME wordpress) php -r '
    mysqli_report(MYSQLI_REPORT_OFF);
    for ($try = 0; $try < 60; $try++) {
      if ($db = @mysqli_connect(getenv("H"), getenv("U"), getenv("P"))) { exit($db->query("CREATE DATABASE IF NOT EXISTS `" . getenv("D") . "`") ? 0 : 1); }
      sleep(1);
    }
    exit(1);'
fi
exec "$@"
