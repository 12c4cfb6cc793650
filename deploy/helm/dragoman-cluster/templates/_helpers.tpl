{{- define "cluster.name" -}}
{{- if contains "dragoman" .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-dragoman" .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "cluster.selector" -}}
app.kubernetes.io/name: dragoman
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "cluster.labels" -}}
{{ include "cluster.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | quote }}
{{- end -}}

{{/* The three NATS servers, as nodes and as the servers themselves reach them. */}}
{{- define "cluster.nats" -}}
{{- $name := include "cluster.name" .root -}}
{{- range $index := until 3 }}{{ if $index }},{{ end }}nats://{{ $name }}-nats-{{ $index }}.{{ $name }}-nats:{{ $.port }}{{ end -}}
{{- end -}}

{{/* What a node and its migration have in common. */}}
{{- define "cluster.container" -}}
image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
imagePullPolicy: {{ .Values.image.pullPolicy }}
env:
  - name: POD_NAME
    valueFrom: {fieldRef: {fieldPath: metadata.name}}
  - {name: DRAGOMAN_CONFIG, value: /etc/dragoman/dragoman.toml}
  - {name: DRAGOMAN_STORAGE__URL_FILE, value: /run/secrets/dragoman/database-url}
  - {name: DRAGOMAN_STORAGE__KEY_FILE, value: /run/secrets/dragoman/dragoman.key}
  - {name: DRAGOMAN_CLUSTER__PARTITIONS, value: {{ .Values.partitions | quote }}}
  - {name: DRAGOMAN_CLUSTER__NODE, value: $(POD_NAME)}
  - {name: DRAGOMAN_CLUSTER__LISTEN, value: "0.0.0.0:8090"}
  - {name: DRAGOMAN_CLUSTER__PUBLIC_ADDRESS, value: "$(POD_NAME).{{ include "cluster.name" . }}-nodes:8090"}
  - {name: DRAGOMAN_CLUSTER__SECRET_FILE, value: /run/secrets/dragoman/cluster-secret}
  - {name: DRAGOMAN_CLUSTER__NATS, value: {{ include "cluster.nats" (dict "root" . "port" 4222) | quote }}}
  {{- if .Values.serviceMonitor.enabled }}
  - {name: DRAGOMAN_METRICS__PUBLIC, value: "true"}
  {{- end }}
volumeMounts:
  - {name: data, mountPath: /data}
  - {name: tmp, mountPath: /tmp}
  - {name: config, mountPath: /etc/dragoman, readOnly: true}
  - {name: secrets, mountPath: /run/secrets/dragoman, readOnly: true}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end -}}
