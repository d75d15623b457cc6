/** The processes and folders that a run has started, as its servers themselves report them. */
export interface Started {
  readonly pids: readonly number[];
  readonly folders: readonly string[];
}
