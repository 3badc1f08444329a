/** Tracing with OpenTelemetry's SDK: spans in batches to a collector, over OTLP/HTTP as its OTEL_* variables say. */
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, context, propagation, trace } from "@opentelemetry/api";
import type { Attributes as SpanAttributes, Context, Link, Span, Tracer } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { defaultResource, resourceFromAttributes } from "@opentelemetry/resources";
import {
  BatchSpanProcessor,
  NodeTracerProvider,
  ParentBasedSampler,
  SamplingDecision,
  type ReadableSpan,
  type Sampler,
  type SpanProcessor,
} from "@opentelemetry/sdk-trace-node";
import { FastifyOtelInstrumentation } from "@fastify/otel";
import { BullMQOtel } from "bullmq-otel";
import { redaction, type Redact } from "../redaction.ts";
import type { Attributes, OpenSpan, SpanOptions, Tracing } from "./tracing.ts";

const ownName = "feature-maps";
const unwatched = /^\/(health|metrics|assets)(\/|$|\?)/;

/** Roots that nobody asked for are left out: an idle worker of BullMQ looks for work several times a second. */
const wanted: Sampler = {
  shouldSample: (_context, _traceId, _name, kind) => ({
    decision: kind === SpanKind.INTERNAL ? SamplingDecision.NOT_RECORD : SamplingDecision.RECORD_AND_SAMPLED,
  }),
  toString: () => "Wanted",
};

/** What leaves with a span goes by the rule for all that leaves. */
class Redacting implements SpanProcessor {
  readonly #next: SpanProcessor;
  readonly #redact: Redact;
  constructor(next: SpanProcessor, redact: Redact) {
    this.#next = next;
    this.#redact = redact;
  }

  #clean(attributes: SpanAttributes): void {
    for (const [name, value] of Object.entries(attributes))
      if (typeof value === "string") attributes[name] = this.#redact(value);
  }

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    this.#clean(span.attributes);
    for (const { attributes = {} } of span.events) this.#clean(attributes);
    const { status } = span;
    if (status.message !== undefined) status.message = this.#redact(status.message);
    this.#next.onEnd(span);
  }

  forceFlush(): Promise<void> {
    return this.#next.forceFlush();
  }
  shutdown(): Promise<void> {
    return this.#next.shutdown();
  }
}

/** How BullMQ says that a delivery comes back later: no failure. */
const isControlFlow = (error: unknown): boolean =>
  error instanceof Error && ["DelayedError", "WaitingError"].includes(error.name);

export class OpenTelemetry implements Tracing {
  readonly queues: BullMQOtel;
  readonly requests: unknown;
  readonly #provider: NodeTracerProvider;
  readonly #tracer: Tracer;

  constructor({ service, version }: { service: string; version: string }) {
    const redact = redaction(process.env);
    const named = {
      "service.namespace": ownName,
      "service.name": process.env["OTEL_SERVICE_NAME"] ?? `${ownName}-${service}`,
      "service.version": version,
      "service.instance.id": String(process.pid),
    };
    this.#provider = new NodeTracerProvider({
      resource: defaultResource().merge(resourceFromAttributes(named)),
      sampler: new ParentBasedSampler({ root: wanted }),
      spanProcessors: [new Redacting(new BatchSpanProcessor(new OTLPTraceExporter()), redact)],
    });
    this.#provider.register();
    this.#tracer = trace.getTracer(ownName, version);
    this.queues = new BullMQOtel({ tracerName: ownName, version });
    const requests = new FastifyOtelInstrumentation({
      instrumentHooks: false,
      ignorePaths: ({ url }) => unwatched.test(url),
      requestHook: (span, request) => void span.setAttribute("request.id", request.id),
    });
    requests.setTracerProvider(this.#provider);
    this.requests = requests.plugin();
  }

  current(): string | null {
    const carrier: { traceparent?: string } = {};
    propagation.inject(context.active(), carrier);
    return carrier.traceparent ?? null;
  }

  /**
   * Below what is under way where that is the request's own trace. Otherwise below the request, with a link to what is
   * under way: a delivery may be for another job than the one that it was made for (take-turn.lua).
   */
  #below({ origin }: SpanOptions): { parent: Context; links: Link[] } {
    const active = trace.getSpanContext(context.active());
    if (!origin?.trace) return { parent: context.active(), links: [] };
    const parent = propagation.extract(ROOT_CONTEXT, { traceparent: origin.trace });
    if (active?.traceId === trace.getSpanContext(parent)?.traceId) return { parent: context.active(), links: [] };
    return { parent, links: active ? [{ context: active }] : [] };
  }

  #opened(span: Span, within: Context): OpenSpan {
    return {
      past: (name, from, attributes: Attributes = {}) =>
        this.#tracer.startSpan(name, { startTime: from, attributes }, trace.setSpan(within, span)).end(),
    };
  }

  async span<Result>(name: string, options: SpanOptions, work: (span: OpenSpan) => Promise<Result>): Promise<Result> {
    const { parent, links } = this.#below(options);
    const { attributes = {} } = options;
    const span = this.#tracer.startSpan(name, { attributes, links }, parent);
    try {
      return await context.with(trace.setSpan(parent, span), () => work(this.#opened(span, parent)));
    } catch (error) {
      if (!isControlFlow(error)) {
        span.recordException(error instanceof Error ? error : String(error));
        span.setStatus({ code: SpanStatusCode.ERROR });
      }
      throw error;
    } finally {
      span.end();
    }
  }

  async close(): Promise<void> {
    // A collector that is away keeps no process from ending.
    await this.#provider.shutdown().catch(() => undefined);
  }
}
