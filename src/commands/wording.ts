/** How the commands phrase things for people. */

const MAX_LISTED = 10;

export function row(title: string, value: string): string {
  return `  ${title.padEnd(16)}${value}`;
}

/** The first `max` values, and how many more there are. */
export function listed(values: readonly string[], max = MAX_LISTED): string {
  const more = values.length - max;
  return values.slice(0, max).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

/** packageManager: "package manager"; too-large: "too large". */
export function words(name: string): string {
  return name.replaceAll("-", " ").replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

export function count(total: number, noun: string): string {
  return `${number(total)} ${noun}${total === 1 ? "" : "s"}`;
}

export function number(value: number): string {
  return value.toLocaleString("en");
}

export function size(bytes: number): string {
  const units = ["bytes", "KB", "MB", "GB"];
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1);
  return `${(bytes / 1_000 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}

/** Replaces control characters: a name or path from a foreign archive must not control the terminal. */
export function plain(line: string): string {
  return line.replace(/[\p{Cc}\p{Cf}]/gu, "�");
}
