{{/* Name of the gateway's objects. */}}
{{- define "qwen3.gatewayName" -}}{{- include "qwen3.fullname" . -}}-gateway{{- end -}}

{{/* Ports of the gateway's pods: the API, and probes with metrics; qwen3_runtime/config.py has them. */}}
{{- define "qwen3.gatewayPort" -}}8080{{- end -}}
{{- define "qwen3.gatewayManagementPort" -}}8081{{- end -}}

{{- define "qwen3.gatewaySelectorLabels" -}}
app.kubernetes.io/name: qwen3-gateway
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* NetworkPolicies of engine pods let in what carries component and part-of (qwen3_operator/manifests/network.py). */}}
{{- define "qwen3.gatewayLabels" -}}
{{ include "qwen3.gatewaySelectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: gateway
app.kubernetes.io/part-of: qwen3-serving
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "qwen3.gatewayPodAnnotations" -}}
kubectl.kubernetes.io/default-container: gateway
{{- if eq .Values.metrics.scrape "Annotations" }}
prometheus.io/scrape: "true"
prometheus.io/port: {{ include "qwen3.gatewayManagementPort" . | quote }}
prometheus.io/path: /metrics
{{- end }}
{{- end -}}

{{/* Secret with the gateway's certificate; nothing where there is no TLS. */}}
{{- define "qwen3.gatewayTLS" -}}
{{- if and .Values.gateway.tls.secretName .Values.gateway.tls.certManager.issuer -}}
{{- fail "set gateway.tls.secretName or gateway.tls.certManager.issuer, not both" -}}
{{- end -}}
{{- if .Values.gateway.tls.secretName -}}
{{- .Values.gateway.tls.secretName -}}
{{- else if .Values.gateway.tls.certManager.issuer -}}
{{- include "qwen3.gatewayName" . -}}-tls
{{- end -}}
{{- end -}}

{{/* Refuses replicas that would each let a tenant have its whole limit, or write one ledger. */}}
{{- define "qwen3.gatewayReplicas" -}}
{{- $replicas := int .Values.gateway.replicas -}}
{{- if gt $replicas 1 -}}
{{- if not .Values.gateway.store.secretName -}}
{{- fail (printf "gateway.replicas is %d, and several gateways need a store for the counters that they share: set gateway.store.secretName to a Secret whose entry gateway.store.key holds the URL of a Valkey or Redis (valkey://host:6379), or gateway.replicas to 1" $replicas) -}}
{{- end -}}
{{- if and .Values.gateway.ledger.enabled .Values.gateway.ledger.existingClaim -}}
{{- fail (printf "gateway.replicas is %d, and each gateway needs a claim of its own: leave gateway.ledger.existingClaim empty, or set gateway.replicas to 1" $replicas) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Who the gateway is to the API server. */}}
{{- define "qwen3.gatewaySubject" -}}
- kind: ServiceAccount
  name: {{ include "qwen3.gatewayName" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}

{{/* What the gateway is told in variables: all that a Secret may hold, and what OpenTelemetry's SDK reads by itself. */}}
{{- define "qwen3.gatewayEnv" -}}
{{- with .Values.gateway.store }}
{{- if .secretName }}
- name: QWEN3_GATEWAY_STORE
  valueFrom:
    secretKeyRef:
      name: {{ .secretName }}
      key: {{ .key }}
{{- end }}
{{- end }}
{{- with .Values.gateway.traces }}
{{- if .endpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ .endpoint | quote }}
- name: OTEL_TRACES_SAMPLER
  value: parentbased_traceidratio
- name: OTEL_TRACES_SAMPLER_ARG
  value: {{ .share | quote }}
{{- with .headersSecret }}
{{- if .name }}
- name: OTEL_EXPORTER_OTLP_HEADERS
  valueFrom:
    secretKeyRef:
      name: {{ .name }}
      key: {{ .key }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}
