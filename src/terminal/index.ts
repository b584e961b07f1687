/** Styled text, tables and progress bars for programs that draw on a terminal. @since 0.1.0 */
export * as ProgressBar from "./ProgressBar.ts"
export * as StyledText from "./StyledText.ts"
export * as Table from "./Table.ts"
