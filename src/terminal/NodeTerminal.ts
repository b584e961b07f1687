/** The terminal at standard error. */

/** Its width; 80 where it does not tell. */
export const columns = () => process.stderr.columns || 80

/** Puts a text in place of the line that is there. */
export const show = (line: string) => void process.stderr.write(`\r\u001b[K${line}`)
