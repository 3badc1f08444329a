/** Sends an upload with its progress, which fetch does not tell: XMLHttpRequest does. */
import type { Dataset } from "../../../schemas/dataset.ts";
import type { Problem } from "../../../schemas/problem.ts";
import { keyMissing } from "../store/connection.ts";
import type { Offer } from "./dropped.ts";

export interface Sending {
  done: Promise<Dataset>;
  abort: () => void;
}

const sentenceOf = (problem: Partial<Problem> | null, status: number): string => {
  const [first] = problem?.errors ?? [];
  if (first && first.pointer !== "") return `${first.pointer.slice(1)}: ${first.detail}`;
  return problem?.detail ?? `The service answered ${status}.`;
};

export function send(options: { offer: Offer; key: string; progress: (bytes: number) => void }): Sending {
  const { offer, key, progress } = options;
  const form = new FormData();
  form.set("name", offer.name.slice(0, 200));
  for (const [field, file] of Object.entries(offer.files)) form.set(field, file);
  const request = new XMLHttpRequest();
  const done = new Promise<Dataset>((resolve, reject) => {
    request.upload.addEventListener("progress", ({ loaded }) => progress(loaded));
    request.addEventListener("load", () => {
      if (request.status === 401) keyMissing();
      if (request.status < 300) resolve(request.response as Dataset);
      else reject(new Error(sentenceOf(request.response as Partial<Problem> | null, request.status)));
    });
    request.addEventListener("error", () =>
      reject(new Error("The connection broke off before everything was sent; nothing of it was kept.")),
    );
    request.open("POST", "/v1/datasets");
    request.responseType = "json";
    request.setRequestHeader("accept", "application/json");
    request.setRequestHeader("idempotency-key", key);
    request.send(form);
  });
  return { done, abort: () => request.abort() };
}
