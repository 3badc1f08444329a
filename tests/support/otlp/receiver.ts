/** A collector in this process: takes traces over OTLP/HTTP in protobuf, read by its field numbers. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import protobuf from "protobufjs";

export interface ReceivedSpan {
  traceId: string;
  spanId: string;
  /** Empty at the root of a trace. */
  parentSpanId: string;
  name: string;
  /** 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  kind: number;
  attributes: Record<string, unknown>;
  links: string[];
  seconds: number;
  /** The name of the service, and what the process calls itself. */
  service: string;
}

export interface Receiver {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  url: string;
  spans: ReceivedSpan[];
  /** Headers of each request. */
  headers: Record<string, unknown>[];
  /** Their bodies as they came. */
  bodies: string[];
  stop(): Promise<void>;
}

/** The fields of OTLP that are read here, by their numbers in opentelemetry.proto.trace.v1; others are skipped. */
const definition = `
  syntax = "proto3";
  message Request { repeated OfResource resourceSpans = 1; }
  message OfResource { Resource resource = 1; repeated OfScope scopeSpans = 2; }
  message Resource { repeated Pair attributes = 1; }
  message OfScope { repeated Span spans = 2; }
  message Span {
    bytes traceId = 1; bytes spanId = 2; bytes parentSpanId = 4; string name = 5; int32 kind = 6;
    fixed64 startTimeUnixNano = 7; fixed64 endTimeUnixNano = 8;
    repeated Pair attributes = 9; repeated Link links = 13;
  }
  message Link { bytes traceId = 1; }
  message Pair { string key = 1; Value value = 2; }
  message Value { oneof value { string text = 1; bool truth = 2; int64 whole = 3; double real = 4; List list = 5; } }
  message List { repeated Value values = 1; }
`;

interface Pair {
  key: string;
  value?: Record<string, unknown>;
}
const toRecord = (pairs: Pair[] = []): Record<string, unknown> =>
  Object.fromEntries(pairs.map(({ key, value = {} }) => [key, Object.values(value)[0]]));
const hex = (bytes: Uint8Array = new Uint8Array()): string => Buffer.from(bytes).toString("hex");

interface Decoded {
  resourceSpans?: {
    resource?: { attributes?: Pair[] };
    scopeSpans?: {
      spans?: {
        traceId: Uint8Array;
        spanId: Uint8Array;
        parentSpanId?: Uint8Array;
        name: string;
        kind?: number;
        startTimeUnixNano: string;
        endTimeUnixNano: string;
        attributes?: Pair[];
        links?: { traceId: Uint8Array }[];
      }[];
    }[];
  }[];
}

const spansOf = ({ resourceSpans = [] }: Decoded): ReceivedSpan[] =>
  resourceSpans.flatMap(({ resource, scopeSpans = [] }) =>
    scopeSpans.flatMap(({ spans = [] }) =>
      spans.map((span) => ({
        traceId: hex(span.traceId),
        spanId: hex(span.spanId),
        parentSpanId: hex(span.parentSpanId),
        name: span.name,
        kind: span.kind ?? 0,
        attributes: toRecord(span.attributes),
        links: (span.links ?? []).map(({ traceId }) => hex(traceId)),
        seconds: Number(BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano)) / 1e9,
        service: String(toRecord(resource?.attributes)["service.name"]),
      })),
    ),
  );

export async function startReceiver(): Promise<Receiver> {
  const request = protobuf.parse(definition).root.lookupType("Request");
  const spans: ReceivedSpan[] = [];
  const headers: Record<string, unknown>[] = [];
  const bodies: string[] = [];
  const server = createServer((incoming, answer) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      const body = Buffer.concat(chunks);
      headers.push(incoming.headers);
      bodies.push(body.toString("latin1"));
      spans.push(...spansOf(request.toObject(request.decode(body), { longs: String })));
      answer.writeHead(200, { "content-type": "application/x-protobuf" }).end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    headers,
    bodies,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
