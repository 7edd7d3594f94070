/** All that comes, or the first `max` of it. */
export async function collected<T>(source: AsyncIterable<T>, max = Number.POSITIVE_INFINITY): Promise<T[]> {
  const found: T[] = [];
  for await (const element of source) {
    found.push(element);
    if (found.length >= max) break;
  }
  return found;
}
