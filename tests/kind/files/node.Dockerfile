# A kind node from Debian packages and programs built from source; what images/base/Dockerfile of kind does otherwise.
ARG NODE_ROOTFS
FROM ${NODE_ROOTFS}
COPY kind/ /
COPY bin/ /usr/bin/
COPY local-bin/ /usr/local/bin/
COPY setup.sh /tmp/setup.sh
ARG KUBERNETES_VERSION
ARG PAUSE_IMAGE
RUN sh -eux /tmp/setup.sh
ENV container=docker
STOPSIGNAL SIGRTMIN+3
ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]
