"""GitHub's JSON, with every field that its OpenAPI description (npm `@octokit/openapi`) requires.

What the hub does not have (stars, forks, licences, milestones) is told as GitHub tells of a repository without any.
"""
