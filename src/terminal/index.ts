/** Styled text for programs that draw on a terminal. */
export * as StyledText from "./StyledText.ts"
