{{/* What the operator reads and writes beside a Qwen3Deployment: in all namespaces, or in the watched ones alone. */}}
{{- define "qwen3.managerRules" -}}
- apiGroups: [serving.qwen3.io]
  resources: [qwen3deployments]
  verbs: [list, watch]
- apiGroups: [serving.qwen3.io]
  resources: [qwen3deployments/status]
  verbs: [patch]
# Owner references with blockOwnerDeletion, where OwnerReferencesPermissionEnforcement is on (OpenShift).
- apiGroups: [serving.qwen3.io]
  resources: [qwen3deployments/finalizers]
  verbs: [update]
# DaemonSets fetch models ahead (spec.model.cache.prefetch).
- apiGroups: [apps]
  resources: [deployments, daemonsets]
  verbs: [list, watch, create, patch, delete]
# Replicas over several nodes, where the LeaderWorkerSet controller is installed.
- apiGroups: [leaderworkerset.x-k8s.io]
  resources: [leaderworkersets]
  verbs: [list, watch, create, patch, delete]
{{- if .Values.prometheus.url }}
# controller.kubernetes.io/pod-deletion-cost: where the operator scales, the emptiest pod ends first.
- apiGroups: [""]
  resources: [pods]
  verbs: [patch]
{{- end }}
- apiGroups: [""]
  resources: [services]
  verbs: [list, watch, create, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [list, watch, create, patch, delete]
# Lists of LoRA adapters, which running pods follow.
- apiGroups: [""]
  resources: [configmaps]
  verbs: [list, watch, create, patch, delete]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
# What a namespace may have: plans keep to it. With the gateway, what spec.devices of tenants asks for.
- apiGroups: [""]
  resources: [resourcequotas]
  verbs: [list, watch{{ if .Values.gateway.enabled }}, create, patch, delete{{ end }}]
# FailedMount Events of pods that stay in ContainerCreating: nothing else says why.
- apiGroups: [""]
  resources: [events]
  verbs: [list]
{{- end -}}

{{- define "qwen3.subject" -}}
- kind: ServiceAccount
  name: {{ include "qwen3.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}
