/** A sample in a scrape of `/metrics`: Prometheus' text format, version 0.0.4, parsed strictly. */
export interface ScrapedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Scrape {
  readonly types: ReadonlyMap<string, string>;
  readonly samples: readonly ScrapedSample[];
  /**
   * The value of the one sample with this name and these labels, among others.
   *
   * @throws Error if there is not exactly one
   */
  value(name: string, labels?: Readonly<Record<string, string>>): number;
}

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (-?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)|Nan|\+Inf)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)/gy;

/** @throws Error with the line that is no sample, or belongs to a metric without a TYPE line before it */
export function readScrape(text: string): Scrape {
  const types = new Map<string, string>();
  const samples: ScrapedSample[] = [];
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("# HELP ")) continue;
    const type = /^# TYPE (\S+) (counter|gauge|histogram|summary)$/.exec(line);
    if (type) {
      if (types.has(type[1]!)) throw new Error(`Expected each metric once, got ${type[1]} again.`);
      types.set(type[1]!, type[2]!);
      continue;
    }
    const [, name, labels = "", value] = SAMPLE.exec(line) ?? [];
    if (name === undefined) throw new Error(`Expected a sample, got: ${line}`);
    const family = types.has(name) ? name : name.replace(/_(bucket|sum|count)$/, "");
    if (!types.has(family)) throw new Error(`Expected the type of ${name} before its first sample.`);
    samples.push({ name, labels: labelsIn(labels), value: Number(value!.replace("Inf", "Infinity")) });
  }
  return {
    types,
    samples,
    value(name, labels = {}) {
      const found = samples.filter(
        (sample) =>
          sample.name === name &&
          Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
      );
      if (found.length !== 1)
        throw new Error(`Expected one ${name} with ${JSON.stringify(labels)}, got ${found.length}.`);
      return found[0]!.value;
    },
  };
}

function labelsIn(text: string): Record<string, string> {
  const found = [...text.matchAll(LABEL)];
  const length = found.reduce((sum, [whole]) => sum + whole.length, 0);
  if (length !== text.length) throw new Error(`Expected labels, got: ${text}`);
  return Object.fromEntries(found.map(([, name, value]) => [name, value]));
}
