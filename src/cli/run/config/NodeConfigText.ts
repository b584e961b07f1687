/** The text of a configuration file of the host. */
import { constants } from "node:fs"
import * as FileSystem from "node:fs/promises"
import * as Effect from "effect/Effect"

/** Messages of the errors that users make. */
const explanations: Readonly<Record<string, string>> = {
  ENOENT: "no such file",
  EACCES: "permission denied",
  EISDIR: "is a folder; name a file",
  NotRegular: "is not a regular file; name one"
}

/** Opens a regular file. The open of a FIFO would wait for a writer, and nothing could cancel it. */
const openRegular = async (path: string) => {
  const file = await FileSystem.open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const stats = await file.stat()
  if (stats.isFile()) return file
  await file.close()
  throw { code: stats.isDirectory() ? "EISDIR" : "NotRegular" }
}

const explain = (error: unknown) => {
  const { code = "" } = error as { readonly code?: string }
  return explanations[code] ?? `cannot be read (${code})`
}

/** Reads at most `maxBytes` and one more, so that a longer file is noticed and an endless one ends. */
export const read = (path: string, maxBytes: number): Effect.Effect<string, string> =>
  Effect.tryPromise({
    try: async () => {
      const file = await openRegular(path)
      try {
        const bytes = new Uint8Array(maxBytes + 1)
        let length = 0
        while (length < bytes.length) {
          const { bytesRead } = await file.read(bytes, length)
          if (bytesRead === 0) break
          length += bytesRead
        }
        return new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, length))
      } finally {
        await file.close()
      }
    },
    catch: (error) =>
      error instanceof TypeError && "code" in error && error.code === "ERR_ENCODING_INVALID_ENCODED_DATA"
        ? "is not UTF-8 text"
        : explain(error)
  })
