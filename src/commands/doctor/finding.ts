export interface Finding {
  /** What was checked. */
  readonly check: string;
  readonly level: "ok" | "warning" | "error";
  readonly what: string;
  /** Why it matters; null where all is well. */
  readonly why: string | null;
  /** What to do about it; null where all is well. */
  readonly action: string | null;
}

export const ok = (check: string, what: string): Finding => ({
  check,
  level: "ok",
  what,
  why: null,
  action: null,
});
export const warning = (check: string, what: string, why: string, action: string): Finding => ({
  check,
  level: "warning",
  what,
  why,
  action,
});
export const error = (check: string, what: string, why: string, action: string): Finding => ({
  check,
  level: "error",
  what,
  why,
  action,
});

/**
 * Only the expiry of tokens and people who read logs compare clocks. Nothing that must be right depends on
 * them.
 */
const CLOCK_WARNING_MS = 2_000;
const CLOCK_ERROR_MS = 30_000;

export function clockFinding(
  check: string,
  { clockDifferenceMs, clockUncertaintyMs }: { clockDifferenceMs: number; clockUncertaintyMs: number },
): Finding {
  const least = Math.max(0, Math.abs(clockDifferenceMs) - clockUncertaintyMs);
  const what = `its clock differs from ours by ${(least / 1_000).toFixed(1)} s or more`;
  const why =
    "tokens count as expired or as not valid yet, and times of different machines cannot be compared";
  const action = "let both machines follow a time server (chrony, systemd-timesyncd)";
  if (least >= CLOCK_ERROR_MS) return error(check, what, why, action);
  if (least >= CLOCK_WARNING_MS) return warning(check, what, why, action);
  return ok(check, "its clock is ours");
}
