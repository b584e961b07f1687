/** Names that are close to a misspelled one. Pure. */

/** Longest name that is compared, in characters. */
const maxNameChars = 64

/** Returns the number of insertions, deletions, replacements and swaps of neighbours between two texts. */
const distance = (one: string, other: string): number => {
  let beforeLast: Array<number> = []
  let last = Array.from({ length: other.length + 1 }, (_, at) => at)
  for (let i = 1; i <= one.length; i++) {
    const row = [i]
    for (let j = 1; j <= other.length; j++) {
      const replaced = last[j - 1]! + (one[i - 1] === other[j - 1] ? 0 : 1)
      let best = Math.min(replaced, last[j]! + 1, row[j - 1]! + 1)
      if (i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1])
        best = Math.min(best, beforeLast[j - 2]! + 1)
      row.push(best)
    }
    beforeLast = last
    last = row
  }
  return last[other.length]!
}

/** Distance of a known name: none for those that continue the text, or end with it. */
const rank = (text: string, name: string) => {
  if (name.startsWith(`${text}.`) || name.endsWith(`.${text}`)) return 1
  return distance(text, name)
}

/** Returns the known names closest to a text, nearest first; none if all differ by more than a third. */
export const nearest = (text: string, known: Iterable<string>, count: number): ReadonlyArray<string> => {
  const wanted = text.slice(0, maxNameChars).toLowerCase()
  const maxDistance = Math.max(1, Math.floor(wanted.length / 3))
  return Array.from(known, (name) => [rank(wanted, name), name] as const)
    .filter(([distance]) => distance <= maxDistance)
    .sort(([one, a], [other, b]) => one - other || (a < b ? -1 : 1))
    .slice(0, count)
    .map(([, name]) => name)
}
