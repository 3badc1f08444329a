/** The model for elsewhere: files, and the lines of code that ask it here. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Model } from "../../../../schemas/model.ts";
import { Section } from "../../elements/basics.tsx";
import { Choice } from "../../elements/choice.tsx";
import { Code } from "../../elements/copy.tsx";
import { service } from "../../service.ts";

const forms = [
  {
    format: "web",
    name: "A page that works offline",
    says: "One HTML file: opens from disk, takes a picture or a drawing, needs no server.",
  },
  {
    format: "bundle",
    name: "Everything in a ZIP",
    says: "ONNX, weights, a model card, and examples in Python and Node.",
  },
  { format: "onnx", name: "ONNX", says: "For onnxruntime and whatever else reads it." },
  { format: "safetensors", name: "Weights", says: "safetensors, with network and normalisation in the header." },
] as const;

type Language = "curl" | "javascript" | "python";

const asking: Readonly<Record<Language, (url: string) => string>> = {
  curl: (url) => `curl ${url} -H 'content-type: image/png' --data-binary @picture.png`,
  javascript: (url) =>
    `const answer = await fetch("${url}", {\n  method: "POST",\n  headers: { "content-type": "image/png" },\n  body: picture, // a Blob or a File\n});\nconst { predictions } = await answer.json();\nconsole.log(predictions[0].name, predictions[0].confidence);`,
  python: (url) =>
    `import json, urllib.request\n\npicture = open("picture.png", "rb").read()\nanswer = urllib.request.urlopen(urllib.request.Request(\n    "${url}", data=picture, headers={"content-type": "image/png"}))\nprediction = json.load(answer)["predictions"][0]\nprint(prediction["name"], prediction["confidence"])`,
};

const languages: readonly { value: Language; label: string }[] = [
  { value: "curl", label: "curl" },
  { value: "javascript", label: "JavaScript" },
  { value: "python", label: "Python" },
];

export function TakeHome({ model }: { model: Model }): JSX.Element {
  const [language, setLanguage] = useState<Language>("curl");
  const url = `${location.origin}/v1/models/${model.alias ?? model.id}/predictions`;
  return (
    <Section title="Take it home">
      <ul class="plain-list exports">
        {forms.map(({ format, name, says }) => (
          <li key={format}>
            <a class="button" href={service.urls.export(model.id, format)} download>
              {name}
            </a>
            <p class="soft small-text">{says}</p>
          </li>
        ))}
      </ul>
      <div class="asking-head">
        <h3>Or ask it from a program</h3>
        <Choice label="Language" of={languages} value={language} choose={setLanguage} />
      </div>
      <Code text={asking[language](url)} what={`Asking the model with ${language}`} />
    </Section>
  );
}
