/**
 * News that come while somebody works: shown as they come, until the work is done.
 */
export async function withNews<T>(
  news: AsyncIterableIterator<string> | undefined,
  show: (line: string) => void,
  work: () => Promise<T>,
): Promise<T> {
  if (news === undefined) return work();
  const shown = (async () => {
    for await (const line of news) show(line);
  })();
  try {
    return await work();
  } finally {
    await news.return?.();
    await shown;
  }
}
