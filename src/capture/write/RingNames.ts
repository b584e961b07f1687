/** Names of the files of a ring, as dumpcap gives them: number and time before the extension. Pure. */

/** The path without its extension, and the extension. A name that only begins with a dot has none. */
const extension = /^(.*[^/\\])(\.[^./\\]+)$/s

/** Formats a time in milliseconds since 1970 as `20261130160149`, in UTC. */
const formatTime = (millis: number) => new Date(millis).toISOString().replaceAll(/\D/g, "").slice(0, 14)

/** Returns the path of a file of a ring: `out.pcapng` becomes `out_00001_20261130160149.pcapng`. */
export const pathOf = (path: string, number: number, millis: number): string => {
  const [, stem = path, suffix = ""] = extension.exec(path) ?? []
  return `${stem}_${`${number}`.padStart(5, "0")}_${formatTime(millis)}${suffix}`
}
