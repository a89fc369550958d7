{{- define "chaosday.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "chaosday.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains (include "chaosday.name" .) .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "chaosday.name" .) | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "chaosday.selectorLabels" -}}
app.kubernetes.io/name: {{ include "chaosday.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "chaosday.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "chaosday.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "chaosday.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "chaosday.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- required "serviceAccount.name must name the account to use, since serviceAccount.create is false" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* "true" with PostgreSQL, empty with SQLite. */}}
{{- define "chaosday.postgresql" -}}
{{- if or .Values.database.url .Values.database.existingSecret.name -}}true{{- end -}}
{{- end -}}

{{/* The Secret with the database's URL. */}}
{{- define "chaosday.databaseSecret" -}}
{{- default (printf "%s-database" (include "chaosday.fullname" .)) .Values.database.existingSecret.name -}}
{{- end -}}

{{/* The target namespaces, once they are known to be no trap. */}}
{{- define "chaosday.targets" -}}
{{- if has .Release.Namespace .Values.targets.namespaces -}}
{{- fail (printf "targets.namespaces contains %s, where Chaos Day itself runs: a run could take its own rollback away" .Release.Namespace) -}}
{{- end -}}
{{- .Values.targets.namespaces | uniq | toJson -}}
{{- end -}}

{{/* One environment variable for each knob that is set. */}}
{{- define "chaosday.settings" -}}
{{- range $group, $knobs := .Values.settings }}
{{- range $knob, $value := $knobs }}
{{- if not (kindIs "invalid" $value) }}
- name: CHAOSDAY_{{ $group | snakecase | upper }}_{{ $knob | snakecase | upper }}
  {{- /* toString would write a million as 1e+06. */}}
  value: {{ ternary (toJson $value) (toString $value) (kindIs "float64" $value) | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}
