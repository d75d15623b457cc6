/** What a program of ours is given: run by test/support/process.test.ts. */
const seen: { args: string[]; environment: string | undefined } = {
  args: process.argv.slice(2),
  environment: process.env.ECHOED,
};
console.log(JSON.stringify(seen));
