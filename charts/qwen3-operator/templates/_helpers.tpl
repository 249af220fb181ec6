{{/* Name of the chart's objects: release and chart, said once where one says the other (qwen3 and qwen3-operator). */}}
{{- define "qwen3.fullname" -}}
{{- $name := printf "%s-%s" .Release.Name .Chart.Name -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- $name = .Release.Name -}}
{{- else if hasPrefix (printf "%s-" .Release.Name) .Chart.Name -}}
{{- $name = .Chart.Name -}}
{{- end -}}
{{- .Values.fullnameOverride | default $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{/* Name of a cluster-scoped object: two releases in two namespaces must not share one. */}}
{{- define "qwen3.clusterName" -}}
{{- printf "%s:%s" .Release.Namespace (include "qwen3.fullname" .) -}}
{{- end -}}

{{- define "qwen3.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "qwen3.labels" -}}
{{ include "qwen3.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: operator
app.kubernetes.io/part-of: qwen3-serving
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "qwen3.podAnnotations" -}}
kubectl.kubernetes.io/default-container: operator
{{- if eq .Values.metrics.scrape "Annotations" }}
prometheus.io/scrape: "true"
prometheus.io/port: {{ include "qwen3.port" . | quote }}
prometheus.io/path: /metrics
{{- end }}
{{- end -}}

{{- define "qwen3.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (include "qwen3.fullname" .) -}}
{{- end -}}

{{/*
Reference of an image. Takes (dict "root" $ "image" <value>): [registry/]repository[:tag][@digest].
Without tag and digest the tag is the chart's appVersion.
*/}}
{{- define "qwen3.image" -}}
{{- $registry := .root.Values.imageRegistry | trimSuffix "/" -}}
{{- $repository := ternary (printf "%s/%s" $registry .image.repository) .image.repository (ne $registry "") -}}
{{- $tag := .image.tag | default (ternary "" .root.Chart.AppVersion (ne .image.digest "")) -}}
{{- $repository -}}{{- with $tag }}:{{ . }}{{ end -}}{{- with .image.digest }}@{{ . }}{{ end -}}
{{- end -}}

{{/* Port of a URL, also of one that says none. */}}
{{- define "qwen3.urlPort" -}}
{{- $default := ternary "443" "80" (hasPrefix "https://" .) -}}
{{- regexFind ":[0-9]+$" (urlParse .).host | trimPrefix ":" | default $default -}}
{{- end -}}
