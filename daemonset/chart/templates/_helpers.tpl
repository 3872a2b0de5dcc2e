{{- define "tracelet.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name }}{{ else }}{{ .Release.Name }}-{{ .Chart.Name }}{{ end -}}
{{- end }}

{{- define "tracelet.selector" -}}
app.kubernetes.io/name: tracelet
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "tracelet.labels" -}}
{{ include "tracelet.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- /* Do the agents ask each other? */}}
{{- define "tracelet.peers" -}}
{{- and .Values.capture (ne .Values.peers.secret "") }}
{{- end }}

{{- /* Does the agent ask the API server? */}}
{{- define "tracelet.asks" -}}
{{- and .Values.capture .Values.metadata }}
{{- end }}

{{- define "tracelet.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "tracelet.name" .) }}
{{- end }}

{{- /* What the container may do. The reasons are in docs/kubernetes.md. */}}
{{- define "tracelet.securityContext" -}}
readOnlyRootFilesystem: true
{{- if not .Values.capture }}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
allowPrivilegeEscalation: false
capabilities:
  drop: [ALL]
{{- else if .Values.security.privileged }}
runAsUser: 0
privileged: true
{{- else }}
runAsUser: 0
allowPrivilegeEscalation: false
capabilities:
  drop: [ALL]
  add:
    - BPF
    - PERFMON
    - SYS_PTRACE
    - DAC_READ_SEARCH
    - SYS_NICE
    {{- if .Values.security.uprobes }}
    - SYS_ADMIN
    {{- end }}
    {{- if .Values.security.oldKernel }}
    - SYS_RESOURCE
    {{- end }}
    {{- if .Values.security.largeReceiveBuffers }}
    - NET_ADMIN
    {{- end }}
{{- end }}
{{- end }}
