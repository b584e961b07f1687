/** How this command was called, so that a line to try can be copied to where it was. */

const commandPrefixes: Readonly<Record<string, string>> = { npx: "npx effect-inet", start: "npm run -s inet --" }

/** `effect-inet`, or what npm calls it where it is not installed. */
export const commandPrefix = () => {
  const script = process.env.npm_lifecycle_event ?? ""
  return commandPrefixes[script === "inet" ? "start" : script] ?? "effect-inet"
}
