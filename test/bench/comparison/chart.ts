import { short } from "../machine.ts";
import { type Entry, type Row, STATES } from "./results.ts";

const [WIDTH, LABEL_WIDTH, BAR_HEIGHT, GAP] = [760, 210, 16, 4];
const TITLE_HEIGHT = 26;

/**
 * A bar for each server: how many requests one second of its processor time is enough for. Every row has its
 * own scale. The chart has no background, and colours that are readable on white and on black.
 */
export function chartOf(rows: readonly Row[], note: string): string {
  const parts: string[] = [];
  let y = 46;
  for (const { work, state, title, entries } of rows) {
    const shown = entries.filter(({ family }) => family !== "floor");
    const longest = Math.max(...shown.map(requestsPerCpuSecond));
    parts.push(text(0, y + 16, `${work}, ${STATES[state]}: ${title}`, "title"));
    y += TITLE_HEIGHT;
    for (const entry of shown) {
      const value = requestsPerCpuSecond(entry);
      const width = Math.max(1, (value / longest) * (WIDTH - LABEL_WIDTH - 150));
      const kind = entry.family === "stack-converter" ? "own" : "peer";
      const stale = entry.stale ? `, ${entry.stale} stale` : "";
      parts.push(
        text(LABEL_WIDTH - 8, y + 12, entry.name, "label"),
        `<rect class="${kind}" x="${LABEL_WIDTH}" y="${y}" width="${width.toFixed(1)}" height="${BAR_HEIGHT}" rx="2"/>`,
        text(LABEL_WIDTH + width + 6, y + 12, `${grouped(value)}${stale}`, "value"),
      );
      y += BAR_HEIGHT + GAP;
    }
    y += 10;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y + 4}" width="${WIDTH}" height="${y + 4}" role="img" aria-label="Requests per second of processor time, by server">
<style>
  text { font: 12px system-ui, sans-serif; fill: #57606a; }
  .head { font-size: 15px; font-weight: 600; fill: #1f2328; }
  .title { font-weight: 600; fill: #1f2328; }
  .label { text-anchor: end; }
  .own { fill: #1a7f5a; }
  .peer { fill: #8c959f; }
  @media (prefers-color-scheme: dark) {
    text { fill: #9198a1; }
    .head, .title { fill: #f0f6fc; }
    .own { fill: #2ea87a; }
    .peer { fill: #656c76; }
  }
</style>
${text(0, 16, "Requests per second of the server's processor time", "head")}
${text(0, 34, note, "note")}
${parts.join("\n")}
</svg>
`;
}

const requestsPerCpuSecond = ({ cpuMicroseconds }: Entry) => 1e6 / cpuMicroseconds.median;

const grouped = (value: number) => Number(short(value)).toLocaleString("en");

function text(x: number, y: number, content: string, kind: string): string {
  const escaped = content.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<text class="${kind}" x="${x.toFixed(1)}" y="${y}">${escaped}</text>`;
}
