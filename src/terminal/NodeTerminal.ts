/** Status line of the terminal on standard error. */

/** Returns the width of the terminal in columns; 80 if it is unknown. */
export const columns = () => process.stderr.columns || 80

/** Clears the current line and writes `line`. */
export const replaceLine = (line: string) => void process.stderr.write(`\r\u001b[K${line}`)
