/** A failed run as one self-contained HTML page. */

import * as Explanation from "../Explanation.ts"
import type { FailedRun } from "../FailedRun.ts"

const escapeHtml = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")

/** Formats a failed run; `recordings` has its events, and those of a second run if two runs of the seed differ. */
export const format = (
  recordings: ReadonlyArray<Explanation.Run["events"]>,
  failure: Omit<FailedRun, "events" | "second">
): string => {
  const text = Explanation.format({ ...failure, events: recordings[0] ?? [], maxLines: 1_000 })
  const title = escapeHtml(failure.reason.split("\n")[0] ?? "")
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>${title}</title>
<pre>${escapeHtml(text)}</pre>
</html>
`
}
