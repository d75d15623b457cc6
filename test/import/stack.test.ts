import { describe, expect, test } from "vitest";
import { isBinary } from "../../src/import/binary.ts";
import { createLanguageDetector, languageShares } from "../../src/import/language.ts";
import { readManifest } from "../../src/import/manifests.ts";
import { detectStack } from "../../src/import/stack.ts";
import { settingsFiles } from "../../src/import/technologies.ts";

/** The stack of a tree that exists only in memory. */
function stackOf(contents: Readonly<Record<string, string>>) {
  const walked = Object.entries(contents).map(([path, content]) => ({
    path,
    sizeBytes: content.length,
    isBinary: isBinary(Buffer.from(content)),
    interpreter: null,
  }));
  const languageOf = createLanguageDetector(walked);
  const files = walked.map((file) => ({ ...file, language: languageOf(file) }));
  const manifests = Object.entries(contents).flatMap(([path, content]) => {
    const manifest = readManifest(path, content);
    return manifest === null || manifest === "malformed" ? [] : [manifest];
  });
  const settings = new Map(Object.entries(contents).filter(([path]) => settingsFiles.test(path)));
  return detectStack({ files, manifests, settings });
}

const code = "x".repeat(1_000);
const json = JSON.stringify;

describe("detectStack", () => {
  test("a Next.js application on PostgreSQL, deployed to Vercel", () => {
    expect(
      stackOf({
        "package.json": json({
          name: "shop",
          private: true,
          packageManager: "pnpm@9.1.0+sha512.abc",
          engines: { node: ">=20" },
          scripts: { build: "prisma generate && next build" },
          dependencies: { next: "15", react: "19", pg: "8", ioredis: "5" },
          devDependencies: { typescript: "5", vitest: "3" },
        }),
        "app/page.tsx": code,
        "vercel.json": "{}",
      }),
    ).toEqual({
      language: "TypeScript",
      framework: "Next.js",
      database: "PostgreSQL",
      runtime: "Node.js >=20",
      buildTool: "Next.js",
      packageManager: "pnpm 9.1.0",
      deployment: "Vercel",
      additional: ["React", "Redis", "Vitest"],
    });
  });

  test("development dependencies count for an application, but not for a library", () => {
    const dependencies = { devDependencies: { express: "4", redis: "4", svelte: "5", vite: "5" } };
    const library = stackOf({ "package.json": json({ name: "lib", ...dependencies }), "index.js": code });
    expect(library.framework).toBe(undefined);
    expect(library.database).toBe(undefined);
    expect(library.additional).toEqual(["Express", "Svelte", "Redis"]);
    const application = stackOf({
      "package.json": json({ private: true, ...dependencies }),
      "index.js": code,
    });
    expect(application.framework).toBe("Express");
    expect(application.database).toBe("Redis");
  });

  test("manifests of examples and tests do not count", () => {
    const { framework, additional } = stackOf({
      "package.json": json({ name: "lib" }),
      "examples/a/package.json": json({ private: true, dependencies: { next: "15" } }),
      "test/fixtures/b/package.json": json({ private: true, dependencies: { "@nestjs/core": "10" } }),
      "index.js": code,
    });
    expect(framework).toBe(undefined);
    expect(additional).toEqual([]);
  });

  test("a monorepo has the stack of its packages", () => {
    const stack = stackOf({
      "package.json": json({
        private: true,
        scripts: { build: "turbo run build" },
        devDependencies: { turbo: "2" },
      }),
      "pnpm-workspace.yaml": "packages: [apps/*]",
      "apps/web/package.json": json({ name: "web", private: true, dependencies: { react: "19" } }),
      "apps/api/package.json": json({
        name: "api",
        private: true,
        dependencies: { "@nestjs/core": "10", mongoose: "8" },
      }),
      "apps/api/Dockerfile": "FROM node:20",
      "apps/api/main.ts": code,
    });
    expect(stack).toEqual({
      language: "TypeScript",
      framework: "NestJS",
      database: "MongoDB",
      runtime: "Node.js",
      buildTool: "Turborepo",
      packageManager: "pnpm",
      deployment: "Docker",
      additional: ["React"],
    });
  });

  test.each([
    [
      "FastAPI with uv",
      {
        "pyproject.toml":
          '[project]\nname = "api"\nrequires-python = ">=3.11"\ndependencies = ["fastapi[standard] ~= 0.110", "asyncpg; python_version > \'3\'"]\n[build-system]\nbuild-backend = "hatchling.build"\n',
        "uv.lock": "",
        "api/main.py": code,
        Dockerfile: "FROM python",
      },
      {
        language: "Python",
        framework: "FastAPI",
        database: "PostgreSQL",
        runtime: "Python >=3.11",
        buildTool: "Hatch",
        packageManager: "uv",
        deployment: "Docker",
        additional: [],
      },
    ],
    [
      "Django with plain requirements",
      {
        "requirements.txt": "# web\n-r base.txt\nDjango~=4.2\nmysqlclient==2.2 \n",
        "manage.py": code,
        ".env.example": "CACHE=redis://localhost",
      },
      {
        language: "Python",
        framework: "Django",
        database: "MySQL",
        runtime: "Python",
        packageManager: "pip",
        additional: ["Redis"],
      },
    ],
    [
      "Go with one-line require",
      {
        "go.mod":
          "module github.com/acme/api\n\ngo 1.22\n\nrequire github.com/gin-gonic/gin v1.9.1\nrequire (\n\tgithub.com/jackc/pgx/v5 v5.5.0\n\tgithub.com/mattn/go-sqlite3 v1.0.0 // indirect\n)\n",
        "main.go": code,
        Makefile: "all:",
      },
      {
        language: "Go",
        framework: "Gin",
        database: "PostgreSQL",
        runtime: "Go 1.22",
        buildTool: "go build",
        packageManager: "Go modules",
        additional: ["Make"],
      },
    ],
    [
      "Rust",
      {
        "Cargo.toml":
          '[package]\nname = "api"\nrust-version = "1.75"\n[dependencies]\naxum = "0.7"\ntokio = { version = "1" }\n',
        "src/main.rs": code,
      },
      {
        language: "Rust",
        framework: "axum",
        runtime: "Rust 1.75",
        buildTool: "Cargo",
        packageManager: "Cargo",
        additional: ["Tokio"],
      },
    ],
    [
      "Spring Boot",
      {
        "pom.xml":
          "<project><artifactId>app</artifactId><properties><java.version>21</java.version></properties><dependencies><dependency><artifactId>spring-boot-starter-web</artifactId></dependency></dependencies></project>",
        "src/main/java/App.java": code,
        "src/main/resources/application.properties": "spring.datasource.url=jdbc:postgresql://db/app",
        "compose.yaml": "services:\n  db:\n    image: postgres:16\n",
      },
      {
        language: "Java",
        framework: "Spring Boot",
        database: "PostgreSQL",
        runtime: "Java 21",
        buildTool: "Maven",
        packageManager: "Maven",
        deployment: "Docker",
        additional: [],
      },
    ],
    [
      "Rails, with single-quoted gems",
      {
        Gemfile: "ruby '3.3.0'\ngem 'rails', '~> 7.1'\ngem 'pg'\n",
        "app/models/a.rb": code,
        Procfile: "web: puma",
      },
      {
        language: "Ruby",
        framework: "Rails",
        database: "PostgreSQL",
        runtime: "Ruby 3.3.0",
        packageManager: "Bundler",
        deployment: "Heroku",
        additional: [],
      },
    ],
    [
      "ASP.NET Core",
      {
        "Api/Api.csproj":
          '<Project Sdk="Microsoft.NET.Sdk.Web"><TargetFramework>net8.0</TargetFramework><PackageReference Include="Npgsql.EntityFrameworkCore.PostgreSQL" /></Project>',
        "Api/Program.cs": code,
      },
      {
        language: "C#",
        framework: "ASP.NET Core",
        database: "PostgreSQL",
        runtime: ".NET 8.0",
        buildTool: "MSBuild",
        packageManager: "NuGet",
        additional: [],
      },
    ],
    [
      "Laravel",
      {
        "composer.json": json({ type: "project", require: { php: "^8.2", "laravel/framework": "^11" } }),
        "app/A.php": code,
        artisan: "",
      },
      {
        language: "PHP",
        framework: "Laravel",
        runtime: "PHP ^8.2",
        packageManager: "Composer",
        additional: [],
      },
    ],
    [
      "C with Make",
      { "main.c": code, "main.h": code, Makefile: "all:" },
      { language: "C", buildTool: "Make", additional: [] },
    ],
    ["nothing but text", { "README.md": code }, { additional: [] }],
  ])("%s", (_name, contents, expected) => {
    expect(stackOf(contents)).toEqual(expected);
  });

  test("values are cut off at 100 characters", () => {
    const stack = stackOf({ "package.json": json({ engines: { node: "9".repeat(500) } }), "a.js": code });
    expect(stack.runtime).toBe(`Node.js ${"9".repeat(91)}…`);
    expect(stack.runtime?.length).toBe(100);
  });

  test("a home page is the repository only if it is on a forge", () => {
    const repository = (fields: object) => {
      const manifest = readManifest("package.json", json(fields));
      return manifest === null || manifest === "malformed" ? manifest : manifest.repository;
    };
    expect(repository({ homepage: "https://shop.example/guide/start" })).toBe(undefined);
    expect(repository({ homepage: "https://github.com/acme/shop#readme" })).toBe(
      "https://github.com/acme/shop#readme",
    );
    expect(repository({ repository: "acme/shop", homepage: "https://github.com/x/y" })).toBe("acme/shop");
  });

  test("a manifest of any shape never makes it throw", () => {
    for (const text of [
      "null",
      "[]",
      "1",
      '"x"',
      '{"dependencies":[]}',
      '{"dependencies":{"a":null},"engines":7,"scripts":"x","repository":[]}',
      '{"__proto__":{"x":1}}',
    ]) {
      expect(() => stackOf({ "package.json": text, "composer.json": text, "deno.json": text })).not.toThrow();
    }
    for (const text of ["", "services:", "services:\n  a:\n", "a: &a [*a]"]) {
      expect(() =>
        stackOf({
          "docker-compose.yml": text,
          "pubspec.yaml": text,
          "pyproject.toml": text,
          "Cargo.toml": text,
        }),
      ).not.toThrow();
    }
    expect(readManifest("package.json", "{")).toBe("malformed");
    expect(readManifest("Cargo.toml", "=")).toBe("malformed");
    expect(readManifest("README.md", "{")).toBe(null);
  });
});

describe("languages", () => {
  const detect = (paths: readonly string[], interpreter: string | null = null) => {
    const files = paths.map((path) => ({ path, sizeBytes: 1, isBinary: false, interpreter }));
    const languageOf = createLanguageDetector(files);
    return files.map((file) => languageOf(file));
  };

  test.each([
    ["a.ts", "TypeScript"],
    ["a.tsx", "TSX"],
    ["a.mjs", "JavaScript"],
    ["a.vue", "Vue"],
    ["A.PY", "Python"],
    ["a.rs", "Rust"],
    ["a.cs", "C#"],
    ["a.php", "PHP"],
    ["a.md", "Markdown"],
    ["a.json", "JSON"],
    ["a.yml", "YAML"],
    ["a.html", "HTML"],
    ["a.sql", "SQL"],
    ["a.txt", "Text"],
    ["Dockerfile", "Dockerfile"],
    ["Makefile", "Makefile"],
    ["go.mod", "Go Module"],
    [".gitignore", "Ignore List"],
    ["package.json", "JSON"],
    ["tsconfig.json", "JSON with Comments"],
    ["a.unknown", null],
    ["LICENSE", "Text"],
  ])("%s is %s", (path, language) => {
    expect(detect([path])).toEqual([language]);
  });

  test("a header has the language of the sources around it", () => {
    expect(detect(["a.h", "a.c"])).toEqual(["C", "C"]);
    expect(detect(["a.h", "a.cpp"])).toEqual(["C++", "C++"]);
    expect(detect(["a.h", "a.m"])).toEqual(["Objective-C", "Objective-C"]);
  });

  test("a script without an extension has its interpreter's language", () => {
    expect(detect(["bin/run"], "python3.11")).toEqual(["Python"]);
    expect(detect(["bin/run"], "node")).toEqual(["JavaScript"]);
    expect(detect(["bin/run"], "bash")).toEqual(["Shell"]);
    expect(detect(["bin/run"], "nobody")).toEqual([null]);
  });

  test("shares count source code by bytes, without data, and declarations and builds only if there is nothing else", () => {
    const file = (path: string, sizeBytes: number, language: string) => ({ path, sizeBytes, language });
    const built = [file("dist/a.js", 900, "JavaScript"), file("a.d.ts", 500, "TypeScript")];
    const data = file("package-lock.json", 9_000, "JSON");
    expect(languageShares([...built, data, file("a.tsx", 30, "TSX"), file("b.py", 10, "Python")])).toEqual([
      { name: "TypeScript", share: 0.75 },
      { name: "Python", share: 0.25 },
    ]);
    expect(languageShares([...built, data]).map(({ name }) => name)).toEqual(["JavaScript", "TypeScript"]);
    expect(languageShares([data])).toEqual([]);
  });
});
