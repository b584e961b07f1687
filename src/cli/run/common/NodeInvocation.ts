/** The way in which the user started this command, so that printed commands can be copied. */

const commandPrefixes: Readonly<Record<string, string>> = { npx: "npx effect-inet", start: "npm run -s inet --" }

/** Returns `effect-inet`, or the npm command that runs it if it is not installed. */
export const commandPrefix = () => {
  const script = process.env.npm_lifecycle_event ?? ""
  const key = script === "inet" ? "start" : script
  return Object.hasOwn(commandPrefixes, key) ? commandPrefixes[key]! : "effect-inet"
}
