# test/deploy checks this file: what it copies, what it runs, and its health check. No image was built from it.

# Build stage: all files, with the development tools.
FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build && npm prune --omit=dev --ignore-scripts

# Run stage: the compiled service and its dependencies, under a user without privileges.
FROM node:24-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=4000 DATA_DIRECTORY=/data
WORKDIR /app
COPY --from=build /app/package.json /app/trustedDocuments.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/prisma ./prisma
COPY --from=build /app/dist ./dist
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 4000
# Not /readyz: a database that is away for a moment is no reason to restart the service.
HEALTHCHECK --interval=10s --start-period=60s CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/livez`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# The service runs as process 1: it handles signals, and looks after the processes that it starts.
CMD ["node", "dist/cli.js", "serve"]
