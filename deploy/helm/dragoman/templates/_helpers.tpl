{{- define "dragoman.name" -}}
{{- if contains "dragoman" .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-dragoman" .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "dragoman.selector" -}}
app.kubernetes.io/name: dragoman
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "dragoman.labels" -}}
{{ include "dragoman.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | quote }}
{{- end -}}

{{/* What the gateway and its migration have in common. */}}
{{- define "dragoman.container" -}}
image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
imagePullPolicy: {{ .Values.image.pullPolicy }}
env:
  {{- if .Values.storage.urlSecret.name }}
  - {name: DRAGOMAN_STORAGE__URL_FILE, value: /run/secrets/dragoman-storage/url}
  {{- end }}
  {{- if .Values.serviceMonitor.enabled }}
  - {name: DRAGOMAN_METRICS__PUBLIC, value: "true"}
  {{- end }}
  - {name: DRAGOMAN_CONFIG, value: /etc/dragoman/dragoman.toml}
  {{- with .Values.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
volumeMounts:
  - {name: data, mountPath: /data}
  - {name: tmp, mountPath: /tmp}
  - {name: config, mountPath: /etc/dragoman, readOnly: true}
  {{- if .Values.secrets.existingSecret }}
  - {name: secrets, mountPath: /run/secrets/dragoman, readOnly: true}
  {{- end }}
  {{- if .Values.storage.urlSecret.name }}
  - {name: storage, mountPath: /run/secrets/dragoman-storage, readOnly: true}
  {{- end }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end -}}
