# The operator as a static binary in an empty image.
#
#   docker build -t compose-operator .
#   docker build --build-arg BUILDER=my/rust:1.95 -t compose-operator .

ARG BUILDER=rust:1.95-alpine
FROM ${BUILDER} AS build
WORKDIR /src
COPY . .
# A target that is named, even if it is the host's own, keeps the flags from build scripts and proc macros, which can't be static.
ENV RUSTFLAGS="-C target-feature=+crt-static"
RUN target="$(rustc -vV | sed -n 's/^host: //p')" \
 && cargo build --release --locked --target "$target" --bin compose-operator \
 && cp "target/$target/release/compose-operator" /compose-operator

FROM scratch
COPY --from=build /compose-operator /compose-operator
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/compose-operator"]
CMD ["run"]
