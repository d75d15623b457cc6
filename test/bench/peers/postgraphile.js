import { createServer } from "node:http";

// Missing in Node 20. PostGraphile requires Node 22 because of it.
Promise.withResolvers ??= () => {
  let resolve;
  let reject;
  const promise = new Promise((...functions) => {
    [resolve, reject] = functions;
  });
  return { promise, resolve, reject };
};
const { postgraphile } = await import("postgraphile");
const { PostGraphileAmberPreset } = await import("postgraphile/presets/amber");
const { makePgService } = await import("postgraphile/adaptors/pg");
const { grafserv } = await import("postgraphile/grafserv/node");

const { PORT, DATABASE_URL } = process.env;
const service = postgraphile({
  extends: [PostGraphileAmberPreset],
  pgServices: [
    makePgService({ connectionString: DATABASE_URL, schemas: ["public"], poolConfig: { max: 20 } }),
  ],
  grafserv: { graphiql: false, watch: false },
  grafast: { explain: false },
});
const handler = service.createServ(grafserv);
const server = createServer();
await handler.addTo(server);
server.listen(Number(PORT), "127.0.0.1", () => console.log("listening"));
