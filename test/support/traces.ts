import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { atEndOfFile } from "./cleanup.ts";

export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty if the span has no parent. */
  readonly parentSpanId: string;
  readonly name: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly isError: boolean;
  /** The resource's `service.name`. */
  readonly service: string;
}

interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly attributes?: readonly { key: string; value: Record<string, unknown> }[];
  readonly status?: { code?: number };
}

/** A collector of traces that accepts OTLP over HTTP, as JSON. It stops when the test file ends. */
export async function startCollector() {
  const spans: ReceivedSpan[] = [];
  let text = "";
  const server = createServer(async (req, res) => {
    let body = "";
    for await (const chunk of req.setEncoding("utf8")) body += chunk;
    text += `${req.url} ${JSON.stringify(req.headers)} ${body}`;
    for (const { resource, scopeSpans } of JSON.parse(body).resourceSpans) {
      const service = attributesOf(resource.attributes)["service.name"];
      for (const { spans: sent } of scopeSpans)
        spans.push(...sent.map((span: OtlpSpan) => read(span, service)));
    }
    res.writeHead(200, { "content-type": "application/json" }).end("{}");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  atEndOfFile(async () => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo; // `as`: it listens on a port.
  return {
    url: `http://127.0.0.1:${port}`,
    spans: spans as readonly ReceivedSpan[],
    /** Everything that was sent to the collector, as it came. */
    text: () => text,
  };
}

function read(
  { traceId, spanId, parentSpanId = "", name, attributes = [], status }: OtlpSpan,
  service: unknown,
): ReceivedSpan {
  return {
    traceId,
    spanId,
    parentSpanId,
    name,
    attributes: attributesOf(attributes),
    isError: status?.code === 2,
    service: String(service),
  };
}

function attributesOf(attributes: NonNullable<OtlpSpan["attributes"]>): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
