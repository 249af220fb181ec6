{{/* Port of the operator's probes and metrics. */}}
{{- define "qwen3.port" -}}8080{{- end -}}

{{/* Port of the webhook. */}}
{{- define "qwen3.admissionPort" -}}9443{{- end -}}

{{/* Name of the ConfigMap with rows that override the shipped catalog. */}}
{{- define "qwen3.catalogName" -}}{{- include "qwen3.fullname" . -}}-catalog{{- end -}}

{{/* Name of the webhook's Service and of the Secret with its certificates. */}}
{{- define "qwen3.admissionName" -}}{{- include "qwen3.fullname" . -}}-admission{{- end -}}

{{/* Name of the cluster-scoped ValidatingWebhookConfiguration, which may hold no colon. */}}
{{- define "qwen3.admissionConfiguration" -}}
{{- printf "%s.%s" (include "qwen3.fullname" .) .Release.Namespace -}}
{{- end -}}

{{/* Image of one kind of device, or nothing where its repository is empty. Takes (dict "root" $ "image" <value>). */}}
{{- define "qwen3.runtimeImage" -}}
{{- if .image.repository -}}{{- include "qwen3.image" . -}}{{- end -}}
{{- end -}}

{{/* The operator's settings; qwen3_operator/settings.py reads them. */}}
{{- define "qwen3.env" -}}
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
{{- $settings := dict
  "QWEN3_NAMESPACES" (join "," .Values.watchNamespaces)
  "QWEN3_IMAGE_CPU" (include "qwen3.runtimeImage" (dict "root" . "image" .Values.runtimes.cpu.image))
  "QWEN3_IMAGE_CUDA" (include "qwen3.runtimeImage" (dict "root" . "image" .Values.runtimes.cuda.image))
  "QWEN3_IMAGE_NPU" (include "qwen3.runtimeImage" (dict "root" . "image" .Values.runtimes.npu.image))
  "QWEN3_IMAGE_PULL_POLICY" .Values.runtimes.imagePullPolicy
  "QWEN3_CUDA_RUNTIME_CLASS" .Values.runtimes.cuda.runtimeClassName
  "QWEN3_NPU_RUNTIME_CLASS" .Values.runtimes.npu.runtimeClassName
  "QWEN3_CATALOG_CONFIG_MAP" (include "qwen3.catalogName" .)
  "QWEN3_LEASE_NAME" (include "qwen3.fullname" .)
  "QWEN3_GATEWAY" .Values.gateway.enabled
  "QWEN3_FULL_NAME" (include "qwen3.fullname" .)
  "QWEN3_WORKERS" .Values.workers
  "QWEN3_RESYNC_SECONDS" .Values.resyncSeconds
  "QWEN3_LOG_LEVEL" .Values.logLevel
  "QWEN3_HTTP_PORT" (include "qwen3.port" .)
}}
{{- $registry := .Values.imageRegistry | trimSuffix "/" }}
{{- range $engine, $images := .Values.runtimes.engines }}
{{- range $device, $image := $images }}
{{- if $image }}
{{- $reference := ternary (printf "%s/%s" $registry $image) $image (ne $registry "") }}
{{- $_ := set $settings (printf "QWEN3_IMAGE_%s_%s" (upper $engine) (upper $device)) $reference }}
{{- end }}
{{- end }}
{{- end }}
{{- if .Values.admission.enabled }}
{{- $settings = merge $settings (dict
  "QWEN3_ADMISSION_NAME" (include "qwen3.admissionName" .)
  "QWEN3_ADMISSION_CONFIGURATION" (include "qwen3.admissionConfiguration" .)
  "QWEN3_ADMISSION_PORT" (include "qwen3.admissionPort" .)
) }}
{{- end }}
{{- with .Values.prometheus }}
{{- if .url }}
{{- $settings = set $settings "QWEN3_PROMETHEUS_URL" .url }}
{{- if .tokenSecret.name }}
{{- $settings = set $settings "QWEN3_PROMETHEUS_TOKEN_FILE" (printf "/var/run/prometheus/%s" .tokenSecret.key) }}
{{- end }}
{{- end }}
{{- end }}
{{- range $name, $value := $settings }}
- name: {{ $name }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- end -}}
