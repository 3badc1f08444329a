/** Models ready to be asked: what a prediction needs to know, kept in the process while it is right. */
import type { Shape } from "../../../schemas/shape.ts";
import type { Subject } from "../../prediction/index.ts";
import { findModel } from "../../shared/find.ts";
import type { ModelRecord, Records } from "../../shared/records/index.ts";
import type { Storage } from "../../shared/storage/index.ts";
import type { Copies, Mirror } from "../mirror.ts";
import { AnswerText } from "./answers.ts";
import { formOf } from "./forms.ts";
import type { SampleForm } from "./instances.ts";
import { subjectOf } from "./subjects.ts";

const mostModels = 500;
/** A file that was damaged or replaced says nothing: it is looked at so often. */
const lifeMs = 5000;

export interface ServedModel {
  /** Its id, or an alias. */
  reference: string;
  record: ModelRecord;
  input: Shape;
  subject: Subject;
  form: SampleForm;
  answers: AnswerText;
}

export class ServedModels {
  readonly #storage: Storage;
  readonly #copies: Copies<ServedModel>;
  /** What was served last to a project under a reference: the same subject as long as it is the same file. */
  readonly #last = new Map<string, ServedModel>();

  constructor({ storage, mirror }: { storage: Storage; mirror: Mirror }) {
    this.#storage = storage;
    this.#copies = mirror.copies({
      most: mostModels,
      lifeMs,
      kinds: ["model", "dataset"],
      // Any model may have taken an alias over.
      topicsOf: ({ reference, record: { id, dataset } }) => [
        reference === id ? `model:${id}` : "model",
        ...(dataset ? [`dataset:${dataset.id}`] : []),
      ],
    });
  }

  /** By id or alias, among the records of one project. Throws a refusal where there is no such model. */
  find(records: Records, reference: string): ServedModel | Promise<ServedModel> {
    const name = `${records.project} ${reference}`;
    return this.#copies.get(name, () => this.#look(records, { name, reference }));
  }

  async #look(records: Records, { name, reference }: { name: string; reference: string }): Promise<ServedModel> {
    const record = await findModel(records, reference);
    const [dataset, version] = await Promise.all([
      record.dataset === null ? null : records.datasets.read(record.dataset.id),
      this.#storage.version(record.files.weights),
    ]);
    const before = this.#last.get(name);
    const isSame =
      before?.record.id === record.id && before.record.sha256 === record.sha256 && before.subject.version === version;
    const subject = isSame ? before.subject : { ...subjectOf(this.#storage, record), version };
    const served: ServedModel = {
      reference,
      record,
      input: record.input,
      subject,
      form: formOf(record.input, dataset),
      answers: new AnswerText(record.classes),
    };
    this.#last.delete(name);
    this.#last.set(name, served);
    for (const oldest of this.#last.keys()) {
      if (this.#last.size <= mostModels) break;
      this.#last.delete(oldest);
    }
    return served;
  }
}
