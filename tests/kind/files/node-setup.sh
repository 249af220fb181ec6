# Runs once while the node image is built; the steps of kind's images/base/Dockerfile, minus downloads.
units=/lib/systemd/system
find "$units/sysinit.target.wants" -name systemd-tmpfiles-setup.service -delete
rm -rf "$units"/multi-user.target.wants/* /etc/systemd/system/*.wants/* "$units"/local-fs.target.wants/*
rm -rf "$units"/basic.target.wants/* "$units"/sockets.target.wants/*udev* "$units"/sockets.target.wants/*initctl*
echo "ReadKMsg=no" >>/etc/systemd/journald.conf
systemctl enable kubelet.service containerd.service undo-mount-hacks.service
# binfmt_misc is global to the kernel: a node must not register anything there.
systemctl mask systemd-binfmt.service

mkdir -p /etc/kubernetes/manifests /opt/cni/bin /etc/cni/net.d /kind/manifests
ln -s /usr/lib/cni/* /opt/cni/bin/
ctr oci spec | jq '.hooks.createContainer += [{"path": "/kind/bin/mount-product-files.sh"}] | del(.process.rlimits)' \
  >/etc/containerd/cri-base.json
sed -i "s#sandbox_image = .*#sandbox_image = \"$PAUSE_IMAGE\"#" /etc/containerd/config.toml
grep -q "\"$PAUSE_IMAGE\"" /etc/containerd/config.toml

# kind reads both files while it creates a cluster.
printf %s "$KUBERNETES_VERSION" >/kind/version
cat >/kind/manifests/default-storage.yaml <<'YAML'
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: standard
  annotations:
    storageclass.kubernetes.io/is-default-class: "true"
provisioner: kubernetes.io/no-provisioner
volumeBindingMode: WaitForFirstConsumer
YAML
rm /tmp/setup.sh
