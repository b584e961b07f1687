/** The logger of `--json`: one JSON object a line. */
import * as Formatter from "effect/Formatter"
import * as Logger from "effect/Logger"

/**
 * Formats an entry as effect's own logger of JSON does, with a `message` that is always a text. Further values, such as
 * the failure of a connection, are in `details`.
 */
export const format = Logger.map(Logger.formatStructured, ({ message, ...entry }) => {
  const [first, ...details] = Array.isArray(message) ? message : [message]
  const text = typeof first === "string" ? first : Formatter.formatJson(first)
  return Formatter.formatJson({ message: text, ...(details.length === 0 ? {} : { details }), ...entry })
})
