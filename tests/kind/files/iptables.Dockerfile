# The programs that kube-proxy and kube-router call, with their libraries, out of the node's own root file system.
ARG NODE_ROOTFS
FROM ${NODE_ROOTFS} AS source
RUN set -eu; mkdir -p /slim/usr/bin /slim/usr/sbin /slim/usr/lib/x86_64-linux-gnu /slim/lib64 /slim/etc/alternatives /slim/tmp /slim/run; \
    ln -s usr/bin /slim/bin; ln -s usr/sbin /slim/sbin; ln -s usr/lib /slim/lib; \
    programs="$(ls -d /usr/sbin/iptables* /usr/sbin/ip6tables* /usr/sbin/xtables-*-multi) /usr/sbin/ipset /usr/sbin/nft \
      /usr/sbin/conntrack /usr/sbin/sysctl /usr/bin/ip /usr/bin/kmod /usr/sbin/modprobe /usr/bin/dash /usr/bin/sh \
      /usr/bin/cp /usr/bin/ls /usr/bin/cat"; \
    cp -a /etc/alternatives/iptables* /etc/alternatives/ip6tables* /slim/etc/alternatives/; \
    cp -a /etc/iproute2 /slim/etc/; \
    cp -a /usr/lib/x86_64-linux-gnu/xtables /slim/usr/lib/x86_64-linux-gnu/; \
    for program in $programs; do \
      cp -a "$program" "/slim$program"; \
    done; \
    ldd $programs /usr/lib/x86_64-linux-gnu/xtables/*.so 2>/dev/null | grep -o '/lib[^: ]*' | sort -u | \
      while read -r library; do cp -Ln "$library" "/slim$library"; done
FROM scratch
COPY --from=source /slim/ /
