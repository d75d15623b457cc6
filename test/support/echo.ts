/** Prints the arguments and environment that it was started with. Run by test/support/process.test.ts. */
const seen: { args: string[]; environment: string | undefined } = {
  args: process.argv.slice(2),
  environment: process.env.ECHOED,
};
console.log(JSON.stringify(seen));
