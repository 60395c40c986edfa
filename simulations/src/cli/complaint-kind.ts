/**
 * What a complaint is about, without the particulars: two runs fail alike if their complaints are of one kind.
 */

export function complaintKind(complaint: string): string {
  const [firstLine = ''] = complaint.split('\n', 1);
  // Checkers put what did not hold first and what they saw of it behind a semicolon.
  const [claim = ''] = firstLine.split(';', 1);
  return claim
    .replaceAll(/"(?:[^"\\]|\\.)*"/g, '"…"')
    .replaceAll(/\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b/g, '#')
    .replaceAll(/\d+(?:\.\d+)?/g, '#')
    .replaceAll(/#(?:, #)+/g, '#')
    .trim();
}
