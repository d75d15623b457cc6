/** What a run has started, as its servers themselves tell. */
export interface Started {
  readonly pids: readonly number[];
  readonly folders: readonly string[];
}
