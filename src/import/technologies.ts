import type { Ecosystem } from "./manifests.ts";

/**
 * Technologies that the analyser does not know, or presents otherwise than a reader expects. This file has
 * rows and no logic. A row belongs here only while the analyser lacks it (checked with 1.27.3).
 */

export type Category =
  | "framework"
  | "database"
  | "runtime"
  | "buildTool"
  | "packageManager"
  | "deployment"
  | "additional";

/** The analyser's types that have a field of their own. All others go to `additional`. */
export const categoryOfType: Readonly<Record<string, Category>> = {
  framework: "framework",
  ui_framework: "framework",
  ssg: "framework",
  db: "database",
  runtime: "runtime",
  builder: "buildTool",
  package_manager: "packageManager",
  hosting: "deployment",
};

/** Types that say nothing about a stack, or that other parts of the detection determine better. */
export const ignoredTypes: ReadonlySet<string> = new Set([
  "language",
  "iconset",
  "package_manager",
  "runtime",
]);

/** Technologies that the analyser files as mere tools, clouds or packages. */
export const categoryOfTech: Readonly<Record<string, Category>> = {
  express: "framework",
  fastify: "framework",
  koa: "framework",
  honojs: "framework",
  elysiajs: "framework",
  adonisjs: "framework",
  docker: "deployment",
  helm: "deployment",
  vercel: "deployment",
  netlify: "deployment",
  heroku: "deployment",
  flyio: "deployment",
  render: "deployment",
  railway: "deployment",
  firebase: "additional",
  phaserjs: "framework",
  electron: "runtime",
  capacitorjs: "additional",
  apacheCordova: "runtime",
  strapi: "framework",
  payloadcms: "framework",
  // Search engines, secret vaults and caches are stores, but nobody means them by "the database".
  algolia: "additional",
  hashicorp_vault: "additional",
  "aws.secretsmanager": "additional",
  "gcp.secretmanager": "additional",
  memcached: "additional",
};

/** Names as their makers write them. */
export const displayNames: Readonly<Record<string, string>> = {
  Postgres: "PostgreSQL",
  Mysql: "MySQL",
  "MS SQL": "Microsoft SQL Server",
  Golang: "Go",
  NodeJS: "Node.js",
  Typescript: "TypeScript",
  Esbuild: "esbuild",
  Eslint: "ESLint",
  "Biome JS": "Biome",
  EffectJS: "Effect",
  NX: "Nx",
  "Nuxt.js": "Nuxt",
  "Solid js": "SolidJS",
  HonoJS: "Hono",
  ExpoJS: "Expo",
  TRPC: "tRPC",
  "Github Actions": "GitHub Actions",
  "Github Pages": "GitHub Pages",
  "Gitlab CI": "GitLab CI",
};

/**
 * How much a framework says about a project that has several. The framework that the project is built on
 * comes first (Next.js before React, which it brings along), and a server before the page it serves.
 */
export const frameworkWeight: Readonly<Record<string, number>> = {
  framework: 3,
  ssg: 1.5,
  tool: 2,
  cms: 2,
  ui_framework: 1.5,
};

/** `[name or pattern, display name, category]` by dependency. */
type DependencyRow = readonly [string | RegExp, string, Category];

export const dependencyRows: Readonly<Partial<Record<Ecosystem, readonly DependencyRow[]>>> = {
  npm: [
    // The analyser recognizes NestJS by nest-cli.json and @nestjs/cli alone.
    ["@nestjs/core", "NestJS", "framework"],
    ["graphql-yoga", "GraphQL Yoga", "framework"],
    ["@apollo/server", "Apollo Server", "framework"],
    ["@hapi/hapi", "hapi", "framework"],
    ["@tanstack/react-start", "TanStack Start", "framework"],
    ["react-native", "React Native", "framework"],
    ["@builder.io/qwik-city", "Qwik City", "framework"],
    ["graphql", "GraphQL", "additional"],
    [/^@pothos\/core$/, "Pothos", "additional"],
    [/^(better-sqlite3|sqlite3|sqlite)$/, "SQLite", "database"],
    [/^(mysql2?|mariadb)$/, "MySQL", "database"],
    [/^(mongodb|mongoose)$/, "MongoDB", "database"],
    ["@electric-sql/pglite", "PGlite", "additional"],
    [/^(ioredis|redis|@redis\/client)$/, "Redis", "database"],
    ["tsup", "tsup", "buildTool"],
    ["gulp", "gulp", "buildTool"],
    ["grunt", "Grunt", "buildTool"],
    ["lerna", "Lerna", "buildTool"],
    ["node-gyp", "node-gyp", "buildTool"],
    ["prebuild-install", "node-gyp", "buildTool"],
    ["node-addon-api", "Node-API", "additional"],
    ["browserify", "Browserify", "buildTool"],
  ],
  python: [
    ["flask", "Flask", "framework"],
    ["fastapi", "FastAPI", "framework"],
    ["django", "Django", "framework"],
    ["starlette", "Starlette", "framework"],
    ["aiohttp", "aiohttp", "framework"],
    ["tornado", "Tornado", "framework"],
    ["sanic", "Sanic", "framework"],
    ["streamlit", "Streamlit", "framework"],
    [/^(psycopg2?|psycopg2-binary|asyncpg|pg8000)$/, "PostgreSQL", "database"],
    [/^(mysqlclient|pymysql|aiomysql|mysql-connector-python)$/, "MySQL", "database"],
    [/^(pymongo|motor|mongoengine)$/, "MongoDB", "database"],
    [/^(redis|aioredis)$/, "Redis", "database"],
    ["aiosqlite", "SQLite", "database"],
    ["sqlalchemy", "SQLAlchemy", "additional"],
    ["celery", "Celery", "additional"],
    ["pydantic", "Pydantic", "additional"],
    ["numpy", "NumPy", "additional"],
    ["pandas", "pandas", "additional"],
    ["pytest", "pytest", "additional"],
  ],
  ruby: [
    ["rails", "Rails", "framework"],
    ["sinatra", "Sinatra", "framework"],
    ["hanami", "Hanami", "framework"],
    ["pg", "PostgreSQL", "database"],
    ["mysql2", "MySQL", "database"],
    ["sqlite3", "SQLite", "database"],
    ["mongoid", "MongoDB", "database"],
    ["redis", "Redis", "database"],
  ],
  php: [
    ["laravel/framework", "Laravel", "framework"],
    ["symfony/framework-bundle", "Symfony", "framework"],
    ["slim/slim", "Slim", "framework"],
    ["cakephp/cakephp", "CakePHP", "framework"],
    ["codeigniter4/framework", "CodeIgniter", "framework"],
    ["predis/predis", "Redis", "database"],
    ["mongodb/mongodb", "MongoDB", "database"],
  ],
  rust: [
    ["actix-web", "Actix Web", "framework"],
    ["axum", "axum", "framework"],
    ["rocket", "Rocket", "framework"],
    ["warp", "warp", "framework"],
    ["leptos", "Leptos", "framework"],
    ["yew", "Yew", "framework"],
    ["bevy", "Bevy", "framework"],
    [/^(tokio-postgres|postgres)$/, "PostgreSQL", "database"],
    ["rusqlite", "SQLite", "database"],
    ["mongodb", "MongoDB", "database"],
    ["redis", "Redis", "database"],
    ["tokio", "Tokio", "additional"],
    ["sqlx", "SQLx", "additional"],
    ["napi", "Node-API", "additional"],
  ],
  golang: [
    [/^github\.com\/gin-gonic\/gin/, "Gin", "framework"],
    [/^github\.com\/labstack\/echo/, "Echo", "framework"],
    [/^github\.com\/gofiber\/fiber/, "Fiber", "framework"],
    [/^github\.com\/go-chi\/chi/, "chi", "framework"],
    [/^github\.com\/gorilla\/mux/, "gorilla/mux", "framework"],
    [/^github\.com\/(lib\/pq|jackc\/pgx)/, "PostgreSQL", "database"],
    [/^github\.com\/go-sql-driver\/mysql/, "MySQL", "database"],
    [/^(github\.com\/mattn\/go-sqlite3|modernc\.org\/sqlite)/, "SQLite", "database"],
    [/^go\.mongodb\.org\/mongo-driver/, "MongoDB", "database"],
    [/^github\.com\/(redis|go-redis)\//, "Redis", "database"],
    [/^google\.golang\.org\/grpc/, "gRPC", "additional"],
  ],
  jvm: [
    [/^(spring-boot.*|org\.springframework\.boot)$/, "Spring Boot", "framework"],
    [/^(quarkus-.*|io\.quarkus)$/, "Quarkus", "framework"],
    [/^micronaut-/, "Micronaut", "framework"],
    [/^ktor-/, "Ktor", "framework"],
    [/^com\.android\.(application|library)$/, "Android", "framework"],
    [/^play_/, "Play", "framework"],
    ["postgresql", "PostgreSQL", "database"],
    [/^(mysql-connector-j(ava)?)$/, "MySQL", "database"],
    ["mongodb-driver-sync", "MongoDB", "database"],
    [/^(jedis|lettuce-core|spring-boot-starter-data-redis)$/, "Redis", "database"],
    ["h2", "H2", "database"],
    [/^hibernate-/, "Hibernate", "additional"],
    [/^kafka-clients$|^spring-kafka$/, "Apache Kafka", "additional"],
  ],
  dotnet: [
    [/^Microsoft\.NET\.Sdk\.Web$|^Microsoft\.AspNetCore/, "ASP.NET Core", "framework"],
    [/^Microsoft\.NET\.Sdk\.BlazorWebAssembly$/, "Blazor", "framework"],
    [/^Npgsql/, "PostgreSQL", "database"],
    [/SqlServer$|^Microsoft\.Data\.SqlClient$/, "Microsoft SQL Server", "database"],
    [/Sqlite$/, "SQLite", "database"],
    [/^MongoDB\.Driver$/, "MongoDB", "database"],
    [/^StackExchange\.Redis$/, "Redis", "database"],
    [/^Microsoft\.EntityFrameworkCore/, "Entity Framework Core", "additional"],
  ],
  elixir: [
    ["phoenix", "Phoenix", "framework"],
    ["postgrex", "PostgreSQL", "database"],
    ["myxql", "MySQL", "database"],
    ["ecto_sqlite3", "SQLite", "database"],
    ["ecto", "Ecto", "additional"],
  ],
  dart: [
    ["flutter", "Flutter", "framework"],
    ["sqflite", "SQLite", "database"],
    ["riverpod", "Riverpod", "additional"],
  ],
};

/** `[path, display name, category]` by file. Lock files are in `lockFiles`. */
export const fileRows: readonly (readonly [RegExp, string, Category])[] = [
  [/(^|\/)(Dockerfile|Containerfile)(\.[\w-]+)?$|\.dockerfile$/i, "Docker", "deployment"],
  [/(^|\/)(docker-)?compose[^/]*\.ya?ml$/, "Docker", "deployment"],
  [/(^|\/)(k8s|kubernetes)\/.*\.ya?ml$|(^|\/)kustomization\.ya?ml$/, "Kubernetes", "deployment"],
  [/(^|\/)Chart\.yaml$/, "Helm", "deployment"],
  [/(^|\/)vercel\.json$/, "Vercel", "deployment"],
  [/(^|\/)netlify\.toml$/, "Netlify", "deployment"],
  [/(^|\/)fly\.toml$/, "Fly.io", "deployment"],
  [/(^|\/)render\.ya?ml$/, "Render", "deployment"],
  [/(^|\/)railway\.(json|toml)$/, "Railway", "deployment"],
  [/(^|\/)Procfile$/, "Heroku", "deployment"],
  [/(^|\/)wrangler\.(toml|jsonc?)$/, "Cloudflare Workers", "deployment"],
  [/(^|\/)serverless\.(ya?ml|ts)$/, "Serverless Framework", "deployment"],
  [/(^|\/)(samconfig\.toml|template\.sam\.ya?ml)$/, "AWS SAM", "deployment"],
  [/(^|\/)firebase\.json$/, "Firebase", "deployment"],
  [/(^|\/)CMakeLists\.txt$/, "CMake", "buildTool"],
  [/(^|\/)meson\.build$/, "Meson", "buildTool"],
  [/(^|\/)(BUILD|MODULE|WORKSPACE)\.bazel$/, "Bazel", "buildTool"],
  [/(^|\/)binding\.gyp$/, "node-gyp", "buildTool"],
  [/(^|\/)(GNUm|[Mm])akefile$/, "Make", "buildTool"],
  [/(^|\/)justfile$/i, "just", "buildTool"],
  [/(^|\/)next\.config\.\w+$/, "Next.js", "framework"],
  [/(^|\/)nuxt\.config\.\w+$/, "Nuxt", "framework"],
  [/(^|\/)astro\.config\.\w+$/, "Astro", "framework"],
  [/(^|\/)angular\.json$/, "Angular", "framework"],
  [/(^|\/)manage\.py$/, "Django", "framework"],
  [/(^|\/)artisan$/, "Laravel", "framework"],
];

/** `[file name, package manager, ecosystem]`. A lock file is proof; the manifest alone allows only a guess. */
export const lockFiles: readonly (readonly [RegExp, string, Ecosystem])[] = [
  [/(^|\/)pnpm-(lock|workspace)\.yaml$/, "pnpm", "npm"],
  [/(^|\/)yarn\.lock$/, "Yarn", "npm"],
  [/(^|\/)(package-lock|npm-shrinkwrap)\.json$/, "npm", "npm"],
  [/(^|\/)bun\.lockb?$/, "Bun", "npm"],
  [/(^|\/)uv\.lock$/, "uv", "python"],
  [/(^|\/)poetry\.lock$/, "Poetry", "python"],
  [/(^|\/)pdm\.lock$/, "PDM", "python"],
  [/(^|\/)Pipfile(\.lock)?$/, "Pipenv", "python"],
  [/(^|\/)environment\.ya?ml$/, "Conda", "python"],
  [/(^|\/)deno\.lock$/, "Deno", "deno"],
];

/**
 * Per ecosystem: its languages, its runtime's name, its package manager if no lock file tells, and its build
 * tool.
 */
export const ecosystems: Readonly<
  Record<
    Ecosystem,
    { languages: readonly string[]; runtime?: string; packageManager?: string; buildTool?: string }
  >
> = {
  npm: {
    languages: ["TypeScript", "JavaScript", "Vue", "Svelte", "CoffeeScript"],
    runtime: "Node.js",
    packageManager: "npm",
  },
  deno: { languages: ["TypeScript", "JavaScript"], runtime: "Deno", packageManager: "Deno" },
  python: { languages: ["Python", "Cython"], runtime: "Python", packageManager: "pip" },
  ruby: { languages: ["Ruby"], runtime: "Ruby", packageManager: "Bundler" },
  php: { languages: ["PHP", "Blade", "Hack"], runtime: "PHP", packageManager: "Composer" },
  rust: { languages: ["Rust"], runtime: "Rust", packageManager: "Cargo", buildTool: "Cargo" },
  golang: { languages: ["Go"], runtime: "Go", packageManager: "Go modules", buildTool: "go build" },
  jvm: { languages: ["Java", "Kotlin", "Scala", "Groovy"], runtime: "Java" },
  dotnet: {
    languages: ["C#", "F#", "Visual Basic .NET"],
    runtime: ".NET",
    packageManager: "NuGet",
    buildTool: "MSBuild",
  },
  elixir: { languages: ["Elixir", "Erlang"], runtime: "Elixir", packageManager: "Hex", buildTool: "Mix" },
  dart: { languages: ["Dart"], runtime: "Dart", packageManager: "pub" },
  docker: { languages: [] },
};

/**
 * A word of a build command and the tool it starts. Earlier rows win: a bundler after a type check does the
 * build.
 */
export const buildCommands: readonly (readonly [RegExp, string])[] = [
  [/\b(turbo)\b/, "Turborepo"],
  [/\bnx\b/, "Nx"],
  [/\bnext build\b/, "Next.js"],
  [/\bnuxi? build\b/, "Nuxt"],
  [/\bvite build\b|^vite$|\bvue-cli-service build\b/, "Vite"],
  [/\bng build\b/, "Angular CLI"],
  [/\bwebpack\b/, "Webpack"],
  [/\brollup\b/, "Rollup"],
  [/\btsup\b/, "tsup"],
  [/\bunbuild\b/, "unbuild"],
  [/\besbuild\b/, "esbuild"],
  [/\bparcel\b/, "Parcel"],
  [/\bgulp\b/, "gulp"],
  [/\bgrunt\b/, "Grunt"],
  [/\bhereby\b/, "hereby"],
  [/\bnode-gyp\b|\bprebuild(ify|-install)?\b/, "node-gyp"],
  [/\bbabel\b/, "Babel"],
  [/\bswc\b/, "SWC"],
  [/\btsc\b|\bvue-tsc\b/, "TypeScript compiler"],
  [/\bmake\b/, "Make"],
  [/^mvn$/, "Maven"],
  [/^gradle$/, "Gradle"],
  [/^mix$/, "Mix"],
  [/^dotnet$/, "MSBuild"],
  [/\bhatchling\b/, "Hatch"],
  [/\bpoetry\b/, "Poetry"],
  [/\bflit/, "Flit"],
  [/\bpdm\b/, "PDM"],
  [/\bmaturin\b/, "maturin"],
  [/\buv_build\b/, "uv"],
  [/\bsetuptools\b/, "setuptools"],
];

/** Files that may hold a connection string. */
export const settingsFiles =
  /(^|\/)(\.env(\.(example|sample|template|dist))?|application[\w-]*\.(properties|ya?ml)|schema\.prisma|alembic\.ini|database\.yml)$/;

/** Which database a connection string means, by its form. */
export const databaseWords: readonly (readonly [RegExp, string])[] = [
  [
    /\bpostgres(ql)?(\+\w+)?:\/\/|jdbc:postgresql:|provider\s*=\s*"postgresql"|adapter:\s*postgresql/,
    "PostgreSQL",
  ],
  [/\bmysql(\+\w+)?:\/\/|jdbc:mysql:|provider\s*=\s*"mysql"|adapter:\s*mysql2/, "MySQL"],
  [/\bmongodb(\+srv)?:\/\/|provider\s*=\s*"mongodb"/, "MongoDB"],
  [/\bjdbc:sqlserver:|provider\s*=\s*"sqlserver"/, "Microsoft SQL Server"],
  [/\bsqlite:\/\/|provider\s*=\s*"sqlite"|adapter:\s*sqlite3/, "SQLite"],
  [/\brediss?:\/\//, "Redis"],
];
