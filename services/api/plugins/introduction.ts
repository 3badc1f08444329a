/** What stands before the list of operations at /docs, in Markdown: the way of a first job. */
export const introduction = `
Trains convolutional networks. You POST a job, watch it learn, and ask the model that it leaves behind.

**1. Train.** A job names a dataset (\`mnist\` is always there), a network, and what differs from the defaults:

~~~json
{ "dataset": "mnist", "network": "lenet-5", "epochs": 1 }
~~~

\`POST /v1/jobs\` answers 202 with the job. \`POST /v1/jobs?dryRun=true\` queues nothing and answers with every
default, the shape of each layer and what it would cost.

**2. Watch.** \`GET /v1/jobs/{id}/progress\` is where it stands now; \`…/metrics\` are its curves; \`…/events\` is all
that happened, as pages or as a live stream (\`Accept: text/event-stream\`).

**3. Ask.** A job that succeeded names its \`model\`. \`POST /v1/models/{id}/predictions\` takes a picture (PNG, JPEG
and others, as it is) or numbers as JSON, and answers with classes and probabilities.

**Your own pictures:** \`POST /v1/datasets\` takes a ZIP of class folders, a table, or arrays; then put the dataset's
alias where \`mnist\` stands.

**In every answer.** Times are ISO 8601 in UTC. Accuracies are shares from 0 to 1. A number that is not finite, or not
known yet, is \`null\`. Lists are pages: \`{"data": […], "hasMore": true, "nextAfter": "…"}\`; pass \`nextAfter\` on as
\`?after=\`. An answer that is not a success is \`application/problem+json\` with a \`code\` for programs, a \`detail\`
for people and pointers to the fields at fault; \`GET /problems/{code}\` says what to do. Unknown fields are refused
by name. A write with an \`Idempotency-Key\` is done once, however often it is sent.
`.trim();
