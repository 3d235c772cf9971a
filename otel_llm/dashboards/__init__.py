"""Scores -> Grafana dashboard and alert rules: as code, generated into `dashboards/`, pushed to a Grafana."""
