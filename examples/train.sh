#!/bin/sh
# From a folder of pictures to a model, with curl, tar and a shell.
#     sh train.sh ./pets
set -eu
service=${FEATURE_MAPS_URL:-http://127.0.0.1:3000}
folder=$1

# The first value of a field in JSON. A program would parse; a shell looks.
field() { grep -o "\"$1\":\"[^\"]*\"" | head -n 1 | cut -d '"' -f 4; }
ask() { curl --silent --show-error --fail-with-body "$@"; }
# Asks until the answer says that it is terminal.
wait_for() {
  until ask "$service$1" | grep -q '"terminal":true'; do sleep 0.5; done
}

# A TAR of the folder, sent as it is made.
dataset=$(tar -cf - -C "$folder" . | ask "$service/v1/datasets" -F 'file=@-;filename=pictures.tar' \
  -F name=pictures -F size=16 -F 'splits={"test":0.2}' | field id)
wait_for "/v1/datasets/$dataset"
ask "$service/v1/datasets/$dataset" | grep -q '"status":"ready"' || { ask "$service/v1/datasets/$dataset"; exit 1; }

job=$(ask "$service/v1/jobs" -H 'content-type: application/json' \
  -d "{\"dataset\":\"$dataset\",\"network\":\"fast-mnist\",\"epochs\":12}" | field id)
echo "job $job"
# What happens, as it happens; the stream ends with the job.
ask --no-buffer -H 'accept: text/event-stream' "$service/v1/jobs/$job/events" | grep '^event: ' | sort | uniq -c

model=$(ask "$service/v1/jobs/$job" | field model)
echo "model $model"
picture=$(find "$folder" -name '*.png' | sort | head -n 1)
ask "$service/v1/models/$model/predictions" -H 'content-type: image/png' --data-binary "@$picture"
echo
