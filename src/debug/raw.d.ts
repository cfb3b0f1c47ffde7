/**
 * Files of the page as text: `import text from "./page/page.css?raw"`. The build and the tests' loader put the text in.
 *
 * @module
 */
declare module "*?raw" {
  const text: string;
  export default text;
}
