"""Tests of the Helm chart, judged by the real helm."""
