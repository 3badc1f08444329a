/** Models: what finished jobs leave behind; they answer. */
import { Aliases } from "./aliases.ts";
import { Evaluations } from "./evaluations.ts";
import { asked, type PredictionInput } from "./inputs.ts";
import { path, textOf, type CallOptions, type Transport } from "./transport.ts";
import type {
  Evaluation,
  EvaluationQuery,
  FeatureMaps,
  FeatureMapsQuery,
  FiltersQuery,
  ImportSettings,
  Model,
  ModelChanges,
  ModelPage,
  ModelPredictionsQuery,
  ModelsQuery,
  ModelSummary,
  NetworkQuery,
  NetworkView,
  PredictionAnswer,
  Saliency,
  SaliencyQuery,
  Sensitivities,
  SensitivitiesQuery,
  SplitPrediction,
  SplitPredictionPage,
  SplitPredictionsQuery,
} from "./types.ts";
import { multipart } from "./uploads/multipart.ts";
import type { Content } from "./uploads/segments.ts";
import type { UploadOptions } from "./datasets.ts";

export type ExportFormat = "onnx" | "safetensors" | "bundle" | "web";

const png = "image/png";

export class Models {
  readonly aliases: Aliases;
  /** Of a model on data of your choice, made by a worker. */
  readonly evaluations: Evaluations;
  readonly #transport: Transport;
  constructor(transport: Transport) {
    this.#transport = transport;
    this.aliases = new Aliases(transport);
    this.evaluations = new Evaluations(transport);
  }

  #get<Answer>(at: string, query?: object, options?: CallOptions): Promise<Answer> {
    return this.#transport.json({ method: "GET", path: at, query }, options);
  }

  /** By id or alias. */
  get(id: string, options?: CallOptions): Promise<Model> {
    return this.#get(path`/v1/models/${id}`, undefined, options);
  }
  /** A page, newest first. */
  list(query?: ModelsQuery, options?: CallOptions): Promise<ModelPage> {
    return this.#get("/v1/models", query, options);
  }
  /** Every model, page after page. */
  all(query?: ModelsQuery, options?: CallOptions): AsyncGenerator<ModelSummary, void, undefined> {
    return this.#transport.all("/v1/models", query, options);
  }
  update(id: string, changes: ModelChanges, options?: CallOptions): Promise<Model> {
    return this.#transport.json({ method: "PATCH", path: path`/v1/models/${id}`, json: changes }, options);
  }
  delete(id: string, options?: CallOptions): Promise<void> {
    return this.#transport.done({ method: "DELETE", path: path`/v1/models/${id}` }, options);
  }
  /** Makes a model of weights from elsewhere, a safetensors file. */
  import(weights: Content, settings: ImportSettings, { onProgress, ...options }: UploadOptions = {}): Promise<Model> {
    const fields = Object.entries(settings).flatMap(([name, value]) =>
      value === undefined ? [] : [{ name, content: textOf(value) }],
    );
    const upload = multipart([...fields, { name: "weights", filename: "weights.safetensors", content: weights }]);
    return this.#transport.json({ method: "POST", path: "/v1/models", upload, onProgress }, options);
  }

  /** Answers for new inputs. */
  predict(
    id: string,
    input: PredictionInput,
    query?: ModelPredictionsQuery,
    options?: CallOptions,
  ): Promise<PredictionAnswer> {
    return this.#transport.json(asked(path`/v1/models/${id}/predictions`, input, query), options);
  }
  /** Its answers over a split of its dataset, made when its job ended. */
  predictions(id: string, query?: SplitPredictionsQuery, options?: CallOptions): Promise<SplitPredictionPage> {
    return this.#get(path`/v1/models/${id}/predictions`, query, options);
  }
  allPredictions(
    id: string,
    query?: SplitPredictionsQuery,
    options?: CallOptions,
  ): AsyncGenerator<SplitPrediction, void, undefined> {
    return this.#transport.all(path`/v1/models/${id}/predictions`, query, options);
  }
  /** Accuracy, figures by class, confusion, calibration over a split of its dataset. */
  evaluation(id: string, query?: EvaluationQuery, options?: CallOptions): Promise<Evaluation> {
    return this.#get(path`/v1/models/${id}/evaluation`, query, options);
  }

  /** Layers, shapes, and what subsampling layers and learned combinations have learned. */
  network(id: string, query?: NetworkQuery, options?: CallOptions): Promise<NetworkView> {
    return this.#get(path`/v1/models/${id}/network`, query, options);
  }
  /** The filters of a layer as a PNG. */
  filters(id: string, { layer, ...query }: { layer: number } & FiltersQuery, options?: CallOptions): Promise<Response> {
    const at = path`/v1/models/${id}/filters/${layer}.png`;
    return this.#transport.response({ method: "GET", path: at, query, accept: png }, options);
  }
  /** What each layer makes of an input. */
  featureMaps(
    id: string,
    input: PredictionInput,
    query?: FeatureMapsQuery,
    options?: CallOptions,
  ): Promise<FeatureMaps> {
    return this.#transport.json(asked(path`/v1/models/${id}/feature-maps`, input, query), options);
  }
  /** The same as a PNG. */
  featureMapSheet(
    id: string,
    input: PredictionInput,
    query?: FeatureMapsQuery,
    options?: CallOptions,
  ): Promise<Response> {
    return this.#transport.response(asked(path`/v1/models/${id}/feature-maps`, input, query, png), options);
  }
  /** x and δ of every layer for one input. */
  sensitivities(
    id: string,
    input: PredictionInput,
    query?: SensitivitiesQuery,
    options?: CallOptions,
  ): Promise<Sensitivities> {
    return this.#transport.json(asked(path`/v1/models/${id}/sensitivities`, input, query), options);
  }
  /** The same of one layer as a PNG. */
  sensitivitySheet(
    id: string,
    input: PredictionInput,
    query: SensitivitiesQuery & { layer: number },
    options?: CallOptions,
  ): Promise<Response> {
    return this.#transport.response(asked(path`/v1/models/${id}/sensitivities`, input, query, png), options);
  }
  /** Which pixels made the answer what it is. */
  saliency(id: string, input: PredictionInput, query?: SaliencyQuery, options?: CallOptions): Promise<Saliency> {
    return this.#transport.json(asked(path`/v1/models/${id}/saliency`, input, query), options);
  }
  /** The same laid over the input, as a PNG. */
  saliencyPicture(id: string, input: PredictionInput, query?: SaliencyQuery, options?: CallOptions): Promise<Response> {
    return this.#transport.response(asked(path`/v1/models/${id}/saliency`, input, query, png), options);
  }
  /** The model for elsewhere; `bundle` is a ZIP, `web` one HTML file. */
  export(id: string, format: ExportFormat, options?: CallOptions): Promise<Response> {
    return this.#transport.response(
      { method: "GET", path: path`/v1/models/${id}/exports/${format}`, accept: "*/*" },
      options,
    );
  }
}
