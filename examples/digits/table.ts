/** Rows of cells as aligned columns: the first to the left, numbers to the right, the first row as the header. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const lines = rows.map((row) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]))).join('  '),
  );
  const [header, ...body] = lines;
  return [header, '-'.repeat(header.length), ...body].map((line) => line.trimEnd()).join('\n');
}

export function count(n: number): string {
  return Math.round(n).toLocaleString('en-US');
}

export function ratio(value: number, base: number): string {
  return `${(value / base).toFixed(2)}x`;
}
